"""`keys rotate --emergency`: a key leaves the set at once, and each verifier is watched until it refuses it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import typer

from ..database import Database
from ..instants import utc_now
from ..key_rotation import Rotation, SpareTooYoung, withdraw_active_key
from ..settings import load_settings
from ..signing_keys import KeyStore, open_status_list_keys
from ..verifiers import VerifierReport, list_reports
from .opened import CommandRefused, opened
from .output import Output, Record

# Verifiers look every 30 s, give or take a tenth, and report at once; one that fails to look tries again after seconds.
WATCH_TIMEOUT = timedelta(seconds=90)
WATCH_PERIOD = timedelta(milliseconds=500)


def open_store(database: Database, *, of_status_lists: bool = False) -> KeyStore:
    settings = load_settings()
    if of_status_lists:
        return open_status_list_keys(database, settings.versioned("key_encryption_keys"))
    return KeyStore(database, settings.versioned("key_encryption_keys"), longest_token_ttl=settings.longest_token_ttl)


def written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="milliseconds")


async def when_processes_know(attempt: Callable[[], Awaitable[Rotation]]) -> Rotation:
    """For caches an operator may not want to wait; for our own processes everybody does, some seconds at most."""
    while True:
        try:
            return await attempt()
        except SpareTooYoung as young:
            await asyncio.sleep(young.remaining.total_seconds())


async def withdraw(*, of_status_lists: bool, as_json: bool) -> None:
    """Withdraw the active key, and show of each verifier when it was first known to refuse it.

    Raises:
        CommandRefused: the key is withdrawn, but some verifier has not said yet that it knows.
    """
    async with opened() as database:
        store = open_store(database, of_status_lists=of_status_lists)
        await store.load(now=utc_now())
        rotation = await when_processes_know(lambda: withdraw_active_key(database, store, utc_now))
        begun = utc_now()
        output = Output(as_json=as_json)
        output.write([{"active": rotation.active, "withdrawn": rotation.replaced, "next": rotation.next}])
        silent = await _watch(database, rotation.replaced, begun, Output(as_json=as_json))
    if silent:
        raise CommandRefused(
            f"the key is withdrawn, but these have not reported that they know: {', '.join(silent)}; see keys verifiers"
        )


async def _watch(database: Database, kid: str, begun: datetime, output: Output) -> Sequence[str]:
    """Show each verifier as soon as it has let go of the key; the names of those that have not when time is up."""
    shown: set[str] = set()
    while True:
        async with database.reading() as session:
            reports = await list_reports(session, now=utc_now())
        done = [each for each in reports if each.name not in shown and not each.holds(kid)]
        output.write([_record_of(each, begun) for each in done])
        shown |= {each.name for each in done}
        waiting = [each.name for each in reports if each.holds(kid)]
        if sys.stderr.isatty():
            typer.echo(f"\r{len(shown)} of {len(reports)} verifiers refuse the key", nl=not waiting, err=True)
        if not waiting or utc_now() > begun + WATCH_TIMEOUT:
            return waiting
        await asyncio.sleep(WATCH_PERIOD.total_seconds())


def _record_of(report: VerifierReport, begun: datetime) -> Record:
    """A verifier that never held the key has refused it all along: 0 seconds."""
    seconds = max((report.held_since - begun).total_seconds(), 0)
    return {"verifier": report.name, "refuses_since": written(report.held_since), "after_s": round(seconds)}
