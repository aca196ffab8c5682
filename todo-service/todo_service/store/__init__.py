"""Store: the database, which shows each owner only their own rows.

    database.py          `open_database`; `Database`: `reading(owner)`, `scanning(owner)`, `writing(owner)`,
                         `purging(before)`, and the fast paths `find_rows` and `change_at_once`
    driver_statements.py statements that are compiled once and run on the driver's connection
    prepared.py          `PreparedStatements`: the fast paths on PostgreSQL, on the driver's connection
    postgres.py          PostgreSQL's engine, imported where it is used
    inline_sqlite.py     a dialect that reads SQLite on the event loop, without a thread
    slow_statements.py   statements that took long, logged with the request's id and without their values

Every transaction is opened for one owner. On PostgreSQL a setting of the transaction holds the owner, and row-level
security then hides all other rows, even from a statement that forgets to compare the owner. SQLite has one writer,
whose transactions begin IMMEDIATE, a reader that holds no lock, and a scanner: two threads for statements that may look
at many rows. The process refuses to start on an older schema.

Tables are in todos/table.py, the schema's history is in migrations/. Any room above may import database.py.
"""
