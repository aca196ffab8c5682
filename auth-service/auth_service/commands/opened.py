"""What commands share: the opened database, one event loop for one command, and output for people and for programs."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

import typer

from ..database import Database, open_database
from ..migrations import HEAD
from ..settings import load_settings

T = TypeVar("T")
Record = Mapping[str, str | int | bool | None]

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, also on a terminal.")]


class CommandRefused(Exception):
    """Why a command did nothing, in one line for the operator."""


@asynccontextmanager
async def opened() -> AsyncIterator[Database]:
    """The database, at this version's schema. Raises SchemaMismatch."""
    database = open_database(load_settings().database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
        yield database
    finally:
        await database.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def show(records: Iterable[Record], *, as_json: bool) -> None:
    """A table for a terminal, JSON lines for everything else."""
    if as_json or not sys.stdout.isatty():
        for record in records:
            typer.echo(json.dumps(record))
        return
    rows = list(records)
    if not rows:
        typer.echo("(none)")
        return
    widths = {name: max(len(name), *(len(_text(row[name])) for row in rows)) for name in rows[0]}
    typer.echo("  ".join(name.ljust(width) for name, width in widths.items()).rstrip())
    for row in rows:
        typer.echo("  ".join(_text(row[name]).ljust(width) for name, width in widths.items()).rstrip())


def _text(value: str | int | bool | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
