"""Todos: rows of one owner, and the requests that read and change them.

    routes.py                  the table of routes, under /api/v1 and /api/v1/users/{user_id}
    endpoints.py               requests for one todo and for lists of todos
    list_endpoints.py, list_fields.py, list_queries.py   named lists: requests, JSON, rows
    member_endpoints.py, member_fields.py, memberships.py, invitations.py   shared lists: requests, JSON, rows
    sharing.py                 requests about a todo that may be in somebody else's list
    batch.py, changes.py, export.py   /todos:batch, /changes and /export
    events.py, streams.py, heads.py   /events: the streams, the tasks that wake and end them, and their positions
    batch_run.py               the operations of a batch, in memory and with few statements
    fields.py, due.py, texts.py   the JSON of a todo, its due date, and its title: bounded, normalized, visible
    queries.py                 reads and changes rows; each function takes the owner first
    at_once.py                 the most frequent changes, each as one statement
    transitions.py             what a change makes of a todo: the columns to write
    lists.py, pages.py, cursors.py    the parameters of a list, its pages, and the signed cursor to the next page
    searches.py, folding.py, filling.py   lists that look at many todos; the form in which texts are searched
    owners.py, rooms.py        per owner: the number of the last change, the number of todos, and the room they take
    idempotency.py             a request with an Idempotency-Key takes effect once
    jitter.py                  pauses that differ between replicas
    refusals.py                exceptions of the queries, as problems
    purge.py, erasure.py       removes rows that were deleted long ago; erases everything of a deleted account
    table.py, identifiers.py   the tables, and ids (UUIDv7)

The owner is always the token's `sub`. A request is checked in this order: token, scope, owner in the path, id,
conditions, body; then the stored row. endpoints.py opens a transaction for the owner (`Database.writing(owner)`), calls
queries.py, where every statement compares the owner, and renders the row. A change first takes the owner's next number
(owners.py). This locks out the owner's other changes until the transaction ends. Another owner's todo gets 404, unless
its list is shared with the caller: sharing.py then does the same for the owner of the list, as a member of it.

app.py imports routes.py and purge.py, assembly.py imports cursors.py, idempotency.py and streams.py, account_events/
imports erasure.py, and migrations/ imports the tables.
"""
