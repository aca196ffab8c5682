"""The web application: what its build left in a folder, read once at start and served from memory.

    routes.py   `read_files` at start; pages, assets and their headers per request

A page's path answers index.html; an asset's path is looked up in a dictionary, so no path of a request ever meets the
file system. The build has made each file's compressed forms; the request's Accept-Encoding chooses one.

The source is in todo-service/web. app.py imports this room; nothing here knows todos.
"""
