"""Helpers of all commands: the opened database, the event loop, refusals and confirmations."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..migrations import HEAD
from ..settings.settings import load_settings
from ..store.database import Database, open_database

P = ParamSpec("P")
T = TypeVar("T")

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]


class CommandRefused(Exception):
    """The reason why a command failed, in one line for the operator."""


@asynccontextmanager
async def opened() -> AsyncIterator[Database]:
    """The database, closed at the end. Raises SchemaMismatch unless the schema is this version's."""
    database = open_database(load_settings().database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
        yield database
    finally:
        await database.close()


async def transact(work: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
    """Run `work(session, ...)` in one transaction of the opened database."""
    async with opened() as database:
        return await database.transact(work, *args, **named)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a destructive change. Without a terminal `--yes` is required. Raises CommandRefused."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandRefused("there is no terminal to ask for confirmation on: add --yes")
    if not typer.confirm(question, err=True):
        raise CommandRefused("nothing was changed")
