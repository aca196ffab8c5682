"""Turn off one of the two separations of owners, to test that the other one alone is enough."""

import re
from collections.abc import Callable

import psycopg
from sqlalchemy import event

from todo_service.store.database import Database

TABLES = ("todos", "lists", "owners", "idempotency_keys", "members", "invitations", "departures")
# The owner's condition in compiled statements, such as `todos.owner = %(owner_)s::VARCHAR`, and that of a member.
_FILTER = re.compile(r"\b\w+\.(owner|member) = %\(\w+\)s(::VARCHAR)?")


def remove_owner_filters(database: Database) -> Callable[[], None]:
    """Remove the owner's condition from every statement. Returns a function that undoes this."""

    def rewrite(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
        return _FILTER.sub("true", statement), parameters

    engine = database.writer.sync_engine
    event.listen(engine, "before_cursor_execute", rewrite, retval=True)
    return lambda: event.remove(engine, "before_cursor_execute", rewrite)


def disable_row_level_security(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY".encode())
