"""Todos: rows of one owner, and the requests that read and change them.

    routes.py                  which request goes to which function, under /api/v1 and /api/v1/users/{user_id}
    endpoints.py               one todo and lists of todos: takes a request apart, puts the answer together
    batch.py, changes.py, export.py   /todos:batch, /changes and /export
    fields.py, due.py          what a todo looks like on the wire, and when it is due
    queries.py                 reads and changes rows; each function takes the owner first
    pages.py, lists.py, cursors.py    parts of a list, which todos it shows, and the signed place where it goes on
    owners.py                  per owner: the number of the last change, and how many todos there are
    idempotency.py             a request with an Idempotency-Key takes effect once
    refusals.py                what queries refuse, as problems
    purge.py, erasure.py       removes what is past restoring; removes all of an owner who is gone
    table.py, identifiers.py   the tables, and ids (UUIDv7)

The owner is the token's `sub` and never anything that the request names. A request is judged in this order: token,
scope, owner in the path, id, conditions, body, and only then what is stored. endpoints.py opens a transaction for the
owner (`Database.writing(owner)`), calls queries.py, whose every statement compares the owner, and renders the row. A
change first takes the owner's next number (owners.py), which locks out the owner's other changes until the transaction
ends. Another's todo does not exist: 404.

app.py imports routes.py and the background tasks, account_events.py imports erasure.py, migrations/ the tables.
"""
