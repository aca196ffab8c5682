"""The SQL statements that requests cause."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Engine, Executable, event
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from auth_service.store import inline_transactions
from auth_service.store import prepared as prepared_statements
from auth_service.store.inline_sqlite import InlineStatements
from auth_service.store.prepared import PreparedStatements
from auth_service.store.trips import BEGIN, Answer, Line, Sent

# Each process reads these all the time, independent of requests.
PERIODIC = ("FROM signing_keys", "FROM status_lists \n", "FROM status_indexes \nWHERE status_indexes.list_id")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement of any engine in this process, apart from PERIODIC; the service runs in a thread of it."""
    seen: list[str] = []

    async def see(statement: str) -> None:
        if not any(each in statement for each in PERIODIC):
            seen.append(statement)

    with before_each(see):
        yield seen


@contextmanager
def before_each(do: Callable[[str], Awaitable[None]]) -> Iterator[None]:
    """Await `do(statement)` before each statement of any asynchronous engine in this process."""

    def of_sqlalchemy(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if in_greenlet():
            await_only(do(statement))
        else:  # SQLite's reader, on the event loop: it cannot wait
            with suppress(StopIteration):
                do(statement).__await__().send(None)

    async def of_prepared(self: PreparedStatements, statement: Executable, parameters: Mapping[str, object]) -> Any:
        await do(str(statement))
        return await prepared(self, statement, parameters)

    async def of_inline(self: InlineStatements, statement: Executable, parameters: Mapping[str, object]) -> Any:
        with suppress(StopIteration):
            do(str(statement)).__await__().send(None)
        return await inline(self, statement, parameters)

    async def of_together(line: Line, sent: Sequence[Sent]) -> Any:
        answers: list[Answer] = []
        for each in sent:
            if each is not BEGIN:
                await do(each.text)
            answers += await line.trip([each])
        return answers

    def of_inline_transaction(driver: Any, text: str, values: Mapping[str, object]) -> Any:
        with suppress(StopIteration):
            do(text).__await__().send(None)
        return run_one(driver, text, values)

    prepared, inline = PreparedStatements.find_rows, InlineStatements.find_rows
    together = prepared_statements.send_together
    run_one = inline_transactions.run_one
    event.listen(Engine, "before_cursor_execute", of_sqlalchemy)
    PreparedStatements.find_rows = of_prepared  # type: ignore[method-assign]  # SQLAlchemy's events do not see these
    InlineStatements.find_rows = of_inline  # type: ignore[method-assign]  # the same
    prepared_statements.send_together, inline_transactions.run_one = of_together, of_inline_transaction
    try:
        yield
    finally:
        PreparedStatements.find_rows = prepared  # type: ignore[method-assign]  # as it was
        InlineStatements.find_rows = inline  # type: ignore[method-assign]  # the same
        prepared_statements.send_together, inline_transactions.run_one = together, run_one
        event.remove(Engine, "before_cursor_execute", of_sqlalchemy)
