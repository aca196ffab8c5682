"""Output: tables on a terminal, otherwise JSON lines; progress on standard error."""

import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

import typer

Record = Mapping[str, str | int | bool | None]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object per line, also on a terminal.")]


class Output:
    """Writes records page by page. Columns are as wide as the first page needs, and grow on later pages."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json or not sys.stdout.isatty()
        self._widths: dict[str, int] = {}

    def write(self, page: Sequence[Record]) -> None:
        if self._as_json:
            for record in page:
                typer.echo(json.dumps(record))
            return
        is_first = not self._widths
        for record in page:
            for name, value in record.items():
                self._widths[name] = max(self._widths.get(name, len(name)), len(_text(value)))
        if is_first:
            self._write_row({name: name for name in self._widths})
        for record in page:
            self._write_row(record)

    def close(self) -> None:
        if not self._as_json and not self._widths:
            typer.echo("(none)")

    def _write_row(self, row: Record) -> None:
        typer.echo("  ".join(_text(row[name]).ljust(width) for name, width in self._widths.items()).rstrip())


def show(records: Sequence[Record], *, as_json: bool) -> None:
    output = Output(as_json=as_json)
    if records:
        output.write(records)
    output.close()


async def show_pages(pages: AsyncIterator[Sequence[Record]], *, as_json: bool) -> None:
    """Show a list that may be long, holding one page at a time in memory.

    From the second page on, progress is written to standard error if that is a terminal and standard output is not.
    """
    output, count, is_told = Output(as_json=as_json), 0, False
    async for page in pages:
        is_told = is_told or (count > 0 and sys.stderr.isatty() and not sys.stdout.isatty())
        output.write(page)
        count += len(page)
        if is_told:
            typer.echo(f"\r{count:,} so far", nl=False, err=True)
    if is_told:
        typer.echo(err=True)
    output.close()


def _text(value: str | int | bool | None) -> str:
    """The value for a terminal, without control characters: names and user agents come from strangers."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))
