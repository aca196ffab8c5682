"""Store: the database, which shows each owner only their own rows.

    database.py          `Database`: `reading(owner)`, `writing(owner)`, `purging(before)`; the schema's version
    inline_sqlite.py     a dialect that reads SQLite on the event loop, without a thread
    slow_statements.py   statements that took long, logged with the request's id and without their values

Whoever opens a transaction says for which owner. PostgreSQL is told the owner for this transaction only, and its
row-level security then hides every other row, even from a statement that forgets to compare. SQLite has one writer
whose transactions begin IMMEDIATE, and readers that hold no lock. The process refuses to start on an older schema.

Tables are in todos/table.py, the schema's history is in migrations/. Any room above may import database.py.
"""
