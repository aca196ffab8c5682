"""`users import`: accounts of another system, from a file of JSON lines. IMPORT.md says how to export them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.factors.totp_factors import TotpFactors, seal_of
from ..accounts.imports import Overtaken, Person, Stored, store_people
from ..settings.settings import load_settings
from ..store.database import Database
from ..store.instants import utc_now
from .imported_people import MAX_LINE, RefusedLine, parse_person
from .opened import CommandRefused, opened, run
from .output import AsJson, Output

app = typer.Typer()
BATCH = 200  # accounts of one transaction
TRIES = 5  # of a batch, while people sign up with the same addresses
_BOM = b"\xef\xbb\xbf"

File = Annotated[str, typer.Argument(metavar="FILE", help="One JSON object per line; - is standard input.")]


@dataclass
class Counted:
    lines: int = 0
    imported: int = 0
    present: int = 0
    refused: int = 0
    is_whole: bool = False  # the end of the file was reached


@dataclass(frozen=True)
class How:
    apps: TotpFactors = field(repr=False)
    output: Output
    new_ids: bool
    only_checks: bool


@app.command("import")
def import_(
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all lines and store nothing.")] = False,
    new_ids: Annotated[
        bool, typer.Option("--new-ids", help="Draw a new id where the file's has another form than ours.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create accounts that another system had, with their passwords' hashes.

    Who is there already is left alone, so a run that was cut off is repeated with the same file. Refused lines are
    listed with their reasons; then the exit code is 1.
    """
    apps = TotpFactors(seal_of(load_settings().versioned("key_encryption_keys")))
    how = How(apps, Output(as_json=as_json), new_ids, dry_run)
    counted = Counted()
    with nullcontext(sys.stdin.buffer) if file == "-" else _open(file) as lines:
        try:
            run(_import(lines, how, counted))
            counted.is_whole = True
        finally:  # also when it is interrupted, or the database fails
            _sum_up(counted, only_checked=dry_run)
    if counted.refused:
        raise typer.Exit(1)


def _sum_up(counted: Counted, *, only_checked: bool) -> None:
    verb = "would be imported" if only_checked else "imported"
    typer.echo(
        f"auth-service: {counted.lines:,} lines: {counted.imported:,} {verb}, {counted.present:,} there already, "
        f"{counted.refused:,} refused{'' if counted.is_whole else '; stopped: run it again to go on'}",
        err=True,
    )


def _open(file: str) -> BinaryIO:
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise CommandRefused(f"{file!r} cannot be read ({type(error).__name__})") from None


async def _import(lines: BinaryIO, how: How, counted: Counted) -> None:
    async with opened() as database:
        batch: list[Person] = []
        for number, line in _numbered(lines):
            counted.lines += 1
            try:
                batch.append(parse_person(number, line, new_ids=how.new_ids, now=utc_now()))
            except RefusedLine as refused:
                _tell(how, counted, [(number, str(refused))])
            if len(batch) == BATCH:
                await _store(database, how, counted, batch)
                batch = []
        if batch:
            await _store(database, how, counted, batch)


def _numbered(lines: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers. The rest of a line that is too long is passed over."""
    number = 0
    while line := lines.readline(MAX_LINE + 2):
        number += 1
        whole = line
        while not whole.endswith(b"\n") and (whole := lines.readline(MAX_LINE)):
            pass
        line = line.removeprefix(_BOM) if number == 1 else line
        if line.strip():
            yield number, line.rstrip(b"\r\n")


async def _store(database: Database, how: How, counted: Counted, batch: Sequence[Person]) -> None:
    for _ in range(TRIES):
        try:
            stored = await database.transact(_store_batch, how, batch)
            break
        except Overtaken:
            continue
    else:
        raise CommandRefused(f"stopped before line {batch[0].line}: others sign up at the same time; run it again")
    counted.imported += stored.imported
    counted.present += stored.present
    _tell(how, counted, stored.refused)
    if sys.stderr.isatty():
        typer.echo(f"\r{counted.lines:,} lines so far", nl=False, err=True)
    elif counted.lines // 10_000 != (counted.lines - len(batch)) // 10_000:
        typer.echo(f"auth-service: {counted.lines:,} lines so far", err=True)


async def _store_batch(session: AsyncSession, how: How, batch: Sequence[Person]) -> Stored:
    return await store_people(session, how.apps, batch, now=utc_now(), only_checks=how.only_checks)


def _tell(how: How, counted: Counted, refused: Sequence[tuple[int, str]]) -> None:
    counted.refused += len(refused)
    if refused:
        how.output.write([{"line": number, "refused": reason} for number, reason in refused])
