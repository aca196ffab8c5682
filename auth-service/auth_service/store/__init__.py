"""Store: the database, and the few types that every table uses.

    database.py          `Database`: `reading()`, `writing()`, and the fast paths `find_row` and `change_row`
    rows.py              `Row`: the base of every table; `Expiry`: when the worker deletes a table's rows
    inline_sqlite.py     a dialect that reads SQLite on the event loop, without a thread
    slow_statements.py   statements that took long, logged with the request's id and without their values
    instants.py          `Instant`: aware UTC in both databases; `Clock` and `utc_now`
    identifiers.py       random names for rows
    leases.py            of many workers, one does the periodic work at a time

A transaction is short: `async with database.writing() as session` commits at its end, and rolls back when something is
raised. PostgreSQL has one engine; SQLite has one writer whose transactions begin IMMEDIATE, and readers that hold no
lock. `require_revision` refuses to start on an older schema.

A table is a subclass of `Row` beside the functions that use it, in the room that it belongs to; the schema's history is
in migrations/. Any room above may import any file here.
"""
