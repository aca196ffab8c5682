"""Store: the database, and the few types that every table uses.

    database.py          `Database`: `reading()`, `writing()`, and the fast paths `find_row`, `find_rows`, `change_row`
    driver_statements.py statements that are compiled once and run on the driver's connection
    prepared.py          `PreparedStatements`: the fast paths on PostgreSQL, and the connections that they keep
    trips.py             one trip to PostgreSQL through libpq
    together.py          statements of one transaction that the database gets together
    inline_transactions.py  `InlineTransactions`: how SQLite gets them
    conflicts.py         transactions that are run once more
    rows.py              `Row`: the base of every table; `Expiry`: when the worker deletes a table's rows; deleting them
    client_ids.py        columns that name a client, whose client_id may be longer than they are
    inline_sqlite.py     a dialect that reads SQLite on the event loop, without a thread; the fast paths on it
    sqlite_writer.py     a dialect that writes to SQLite, and waits for locks and for the disk in a thread
    slow_statements.py   statements that took long, logged with the request's id and without their values
    instants.py          `Instant`: aware UTC in both databases; `Clock` and `utc_now`
    identifiers.py       random names for rows
    leases.py            of many workers, one does the periodic work at a time

A transaction is short: `async with database.writing() as session` commits at its end, and rolls back when something is
raised; `database.transact(work, ...)` does so for a function, and repeats it once after a deadlock. PostgreSQL has one
engine; SQLite has one writer whose transactions begin IMMEDIATE, and readers that hold no lock. `require_revision`
refuses to start on an older schema.

Locks. On PostgreSQL a transaction locks rows in this order, and rows of one table in the order of their keys, so that
no two wait for each other:

    1. attempt budgets    of the network, then of the account (limits/)
    2. accounts           `accounts.lock` before changing more than one row of an account; `lock_password`
                          then links that were mailed to the account (`use_link`, `void_links`), its sign-ins that
                          wait, its factors, its passkeys, its user names; a challenge of a passkey that was answered
    3. clients            an UPDATE, or FOR UPDATE before a deletion; `hold_owners` holds an account and a client
    4. requests           stored authorization requests, then device codes
    5. sessions           `lock_live`, or their deletion
    6. APIs               `lock_registered`, or their removal, which begins with the clients
    7. roles and groups   roles of accounts, groups, their members: `lock` before an account, an API or a group goes
    8. consents           `consents.find_agreed(lock=True)`, `remember`, `lock`
    9. grants             `grants.select_lasting` while a code or a refresh token is made; every end of a grant
    10. codes and families of refresh tokens
    11. status indexes    only with their holder locked: a session, a grant or a client

Operators' changes of the registry, of roles and of groups first exclude each other by a lock of the whole table
(`load_locked`, `exclude_others`), which no request waits for.

A row with a foreign key locks its parent, too, when it is inserted, or changed twice in one transaction: so what makes
a consent or a grant begins with `hold_owners`. Deleting an account or a client locks all rows that go with it, in this
order, before it deletes the first. The worker deletes what nobody has locked (`delete_unlocked`), and so never waits.
tests/test_lock_order.py tries pairs of transactions.

A table is a subclass of `Row` beside the functions that use it, in the room that it belongs to; the schema's history is
in migrations/. Any room above may import any file here.
"""
