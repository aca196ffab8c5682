"""The web application: the built files, read once at the start and served from memory.

    routes.py   `read_files` at the start; pages, assets and their headers per request

The path of a page returns index.html. The path of an asset is looked up in a dictionary, so a request's path never
reaches the file system. The build has made compressed forms of each file; Accept-Encoding selects one.

The source is in todo-service/web. app.py and assembly.py import this room. It does not use todos/.
"""
