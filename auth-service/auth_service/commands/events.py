"""`events`: lists and resends account events that are not delivered yet. Account ids are not shown."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import typer

from ..audit.trail import record
from ..events.account_events import AccountEvent, list_events
from ..events.deliveries import EventDelivery, list_deliveries, resend
from ..store.instants import utc_now
from .opened import CommandRefused, opened, run
from .output import AsJson, Record, show, show_pages

app = typer.Typer(help="Account events that receivers have not acknowledged yet.", no_args_is_help=True)
PAGE = 500

Failed = Annotated[bool, typer.Option("--failed", help="Only events whose delivery has failed.")]
EventId = Annotated[str, typer.Argument(metavar="[EVENT_ID]", help="The event's id, as `list` shows it.")]
All = Annotated[bool, typer.Option("--all", help="All events whose delivery has failed.")]


@app.command("list")
def list_(failed: Failed = False, as_json: AsJson = False) -> None:
    """List undelivered events, with receiver, number of attempts, last error and next attempt.

    Events without a receiver wait for the worker, which sends each to every client with an `event_endpoint`.
    """
    run(show_pages(_pages(failed_only=failed), as_json=as_json))


@app.command("resend")
def resend_(event_id: EventId = "", everything: All = False, as_json: AsJson = False) -> None:
    """Send a failed event again now, or all failed ones, without waiting for the next attempt.

    The worker sends them within two seconds; `list` then shows the result.
    """
    if bool(event_id) == everything:
        raise typer.BadParameter("give either EVENT_ID or --all")
    show([run(_resend(event_id or None))], as_json=as_json)


async def _pages(*, failed_only: bool) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        after = ""
        while not failed_only and (waiting := await list_events(session, after=after, limit=PAGE)):
            after = waiting[-1].id
            yield [_record_of(event, event.id) for event in waiting]
        after = ""
        while page := await list_deliveries(session, failed_only=failed_only, after=after, limit=PAGE):
            after = page[-1].jti
            yield [_record_of(delivery, delivery.jti) for delivery in page]


def _record_of(event: AccountEvent | EventDelivery, event_id: str) -> Record:
    sent = event if isinstance(event, EventDelivery) else None
    return {
        "id": event_id,
        "type": event.type.rpartition("/")[2],
        "receiver": sent.client_id if sent else None,
        "occurred_at": _written(event.occurred_at),
        "attempts": sent.attempts if sent else 0,
        "last_error": sent.last_error if sent else None,
        "next_attempt_at": _written(sent.next_at) if sent else None,
        "given_up_at": _written(sent.expires_at) if sent else None,
    }


def _written(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


async def _resend(event_id: str | None) -> Record:
    async with opened() as database, database.writing() as session:
        resent = await resend(session, event_id, now=(now := utc_now()))
        if resent:
            await record(session, "events_resent", now=now, event_id=event_id, resent=resent)
    if event_id and not resent:
        raise CommandRefused("there is no failed event with this id")
    return {"resent": resent}
