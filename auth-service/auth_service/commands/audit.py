"""`audit`: shows and exports the audit trail."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from ..audit.listing import Filter, list_events
from ..audit.trail import AuditEvent
from .key_withdrawal import written
from .opened import CommandRefused, opened, run
from .output import AsJson, Record, show_pages

app = typer.Typer(help="The audit trail: what happened to accounts, clients and keys.", no_args_is_help=True)
PAGE = 500

Time = Annotated[str, typer.Option(metavar="TIME", help="ISO 8601, such as 2026-11-28 or 2026-11-28T10:00:00+01:00.")]
Event = Annotated[str, typer.Option("--event", metavar="NAME", help="Only events of this name, such as signed_in.")]
Account = Annotated[str, typer.Option("--account", metavar="ID", help="Only this account's, also a deleted one's.")]
Client = Annotated[str, typer.Option("--client", metavar="CLIENT_ID", help="Only this client's.")]


@app.command("list")
def list_(
    since: Time = "", until: Time = "", event: Event = "", account: Account = "", client: Client = "",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List events, the oldest first. A `count` above 1 stands for as many events of one hour, until `last_at`."""
    run(show_pages(_pages(_read(since, until, event, account, client)), as_json=as_json))


@app.command()
def export(since: Time = "", until: Time = "", event: Event = "", account: Account = "", client: Client = "") -> None:
    """Print events as JSON lines, also on a terminal, with all of their ids."""
    run(_export(_read(since, until, event, account, client)))


def record_of(event: AuditEvent) -> Record:
    facts: dict[str, str | int | None] = json.loads(event.facts)
    return {
        "id": event.id,
        "occurred_at": written(event.occurred_at),
        "last_at": written(event.last_at),
        "event": event.event,
        "count": event.count,
        "account_id": event.account_id,
        "client_id": event.client_url or event.client_id,
        "facts": " ".join(f"{name}={value}" for name, value in facts.items()),
    }


def _read(since: str, until: str, event: str, account: str, client: str) -> Filter:
    return Filter(_time(since, "--since"), _time(until, "--until"), event or None, account or None, client or None)


def _time(text: str, option: str) -> datetime | None:
    """The instant; without an offset it is in UTC."""
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        raise CommandRefused(f"{option} must be a time in ISO 8601, such as 2026-11-28T10:00:00Z") from None


async def _events(which: Filter) -> AsyncIterator[Sequence[AuditEvent]]:
    async with opened() as database, database.reading() as session:
        after = 0
        while page := await list_events(session, which, after=after, limit=PAGE):
            after = page[-1].id
            yield page


async def _pages(which: Filter) -> AsyncIterator[list[Record]]:
    async for page in _events(which):
        yield list(map(record_of, page))


async def _export(which: Filter) -> None:
    async for page in _events(which):
        for event in page:
            typer.echo(json.dumps({**record_of(event), "facts": json.loads(event.facts)}))
