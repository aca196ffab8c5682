"""Turn off one of the two separations of owners, to test that the other one alone is enough."""

import re
from collections.abc import Callable

import psycopg
from sqlalchemy import Executable, event

from todo_service.store.database import Database
from todo_service.store.driver_statements import Compiled
from todo_service.store.prepared import PreparedStatements

TABLES = ("todos", "lists", "owners", "idempotency_keys", "members", "invitations", "departures")
# The owner's condition in compiled statements, such as `todos.owner = %(owner_)s::VARCHAR`, and that of a member.
_FILTER = re.compile(r"\b\w+\.(owner|member) = %\(\w+\)s(::VARCHAR)?")


def remove_owner_filters(database: Database) -> Callable[[], None]:
    """Remove the owner's condition from every statement. Returns a function that undoes this."""

    def rewrite(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
        return _FILTER.sub("true", statement), parameters

    engine, prepared = database.writer.sync_engine, database.prepared
    event.listen(engine, "before_cursor_execute", rewrite, retval=True)
    if prepared is not None:
        object.__setattr__(database, "prepared", _Unfiltered(database.writer))

    def undo() -> None:
        event.remove(engine, "before_cursor_execute", rewrite)
        object.__setattr__(database, "prepared", prepared)

    return undo


class _Unfiltered(PreparedStatements):
    def compile(self, statement: Executable) -> Compiled:
        compiled = super().compile(statement)
        compiled.text = _FILTER.sub("true", compiled.text)
        return compiled


def disable_row_level_security(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY".encode())
