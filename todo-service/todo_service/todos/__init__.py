"""Todos: rows of one owner, and the requests that read and change them.

`endpoints` takes a request apart and puts an answer together; `fields` says what a todo looks like on the wire;
`queries` is the only module that reads or writes rows, and each of its functions takes the owner first; `cursors`
signs the place where a list goes on. The owner is the token's `sub` and never anything that the request names.
"""
