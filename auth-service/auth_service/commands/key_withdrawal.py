"""`keys rotate --emergency`: withdraws a key at once, and waits until each verifier reports that it refuses the key.

A silent verifier is named but not waited for. Most silent ones have ended without sign-off (SIGKILL, a lost node), and
an ended process must not make the command fail during an incident. A verifier that still runs but is cut off looks the
same from here; it trusts its old keys for at most a day.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import typer

from ..audit.trail import record_rotation
from ..keys.rotation import Rotation, SpareTooYoung, withdraw_active_key
from ..keys.signing import KeyStore, open_status_list_keys, open_token_stores
from ..keys.verifier_reports import SILENT_AFTER, VerifierReport, list_reports
from ..settings.settings import load_settings
from ..store.database import Database
from ..store.instants import utc_now
from .opened import CommandRefused, opened
from .output import Output, Record

# Verifiers fetch the keys every 30 s, give or take a tenth, and report at once; after a failed fetch they retry within
# seconds. A verifier whose last report is older than the withdrawal counts as silent when this time is over. So a
# verifier that is not silent then, and holds the key, has reported that since the withdrawal.
WATCH_TIMEOUT = SILENT_AFTER
WATCH_PERIOD = timedelta(milliseconds=500)


def open_stores(database: Database) -> tuple[KeyStore, ...]:
    """The stores of all algorithms for tokens, RS256 first; then the store for status lists."""
    settings = load_settings()
    secrets = settings.versioned("key_encryption_keys")
    of_tokens = open_token_stores(database, secrets, longest_token_ttl=settings.longest_token_ttl)
    return (*of_tokens, open_status_list_keys(database, secrets))


def find_store(database: Database, purpose: str) -> KeyStore:
    return next(store for store in open_stores(database) if store.purpose == purpose)


def written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="milliseconds")


async def when_processes_know(attempt: Callable[[], Awaitable[Rotation]]) -> Rotation:
    """Attempt a rotation until our own processes have published the spare, which takes some seconds at most."""
    while True:
        try:
            return await attempt()
        except SpareTooYoung as young:
            await asyncio.sleep(young.remaining.total_seconds())


async def withdraw(purpose: str, *, as_json: bool) -> None:
    """Withdraw the active key, and show when each verifier first reported without it.

    Raises:
        CommandRefused: the key is withdrawn, but a verifier that is not silent still reports that it holds the key.
    """
    async with opened() as database:
        store = find_store(database, purpose)
        await store.check_readable()
        rotation = await when_processes_know(lambda: withdraw_active_key(database, store, utc_now))
        begun, withdrawn = utc_now(), rotation.replaced or ""
        async with database.writing() as session:
            await record_rotation(session, "key_withdrawn", rotation, now=begun)
        output = Output(as_json=as_json)
        output.write([{"active": rotation.active, "withdrawn": withdrawn, "next": rotation.next}])
        holding = await _watch(database, withdrawn, begun, output := Output(as_json=as_json))
        silent = [each for each in holding if each.is_silent(now=utc_now())]
        output.write([_record_of(each, withdrawn, begun) for each in silent])
    _conclude(_names(silent), _names([each for each in holding if each not in silent]))


async def _watch(database: Database, kid: str, begun: datetime, output: Output) -> Sequence[VerifierReport]:
    """Show each verifier as soon as it no longer holds the key. Returns the last reports of those that still do."""
    shown: set[str] = set()
    while True:
        async with database.reading() as session:
            reports = await list_reports(session, now=(now := utc_now()))
        done = [each for each in reports if each.name not in shown and not each.holds(kid)]
        output.write([_record_of(each, kid, begun) for each in done])
        shown |= {each.name for each in done}
        holding = [each for each in reports if each.holds(kid)]
        is_over = all(each.is_silent(now=now) for each in holding)
        if sys.stderr.isatty():
            typer.echo(f"\r{len(shown)} of {len(reports)} verifiers refuse the key", nl=is_over, err=True)
        if is_over or now > begun + WATCH_TIMEOUT:
            return holding
        await asyncio.sleep(WATCH_PERIOD.total_seconds())


def _record_of(report: VerifierReport, kid: str, begun: datetime) -> Record:
    """One line of output. A verifier that never held the key has refused it from the start: 0 seconds."""
    seconds = max((report.held_since - begun).total_seconds(), 0)
    has_let_go = not report.holds(kid)
    return {
        "verifier": report.name,
        "refuses_since": written(report.held_since) if has_let_go else None,
        "after_s": round(seconds) if has_let_go else None,
        "reported_at": written(report.reported_at),
    }


def _names(reports: Sequence[VerifierReport]) -> str:
    return ", ".join(report.name for report in reports)


def _conclude(silent: str, waiting: str) -> None:
    """Name the silent verifiers. Raises CommandRefused if others still hold the key."""
    if silent:
        typer.echo(
            f"silent for over {SILENT_AFTER.seconds} s, so not waited for: {silent}; "
            "a verifier that still runs but is cut off trusts the key for at most a day",
            err=True,
        )
    if waiting:
        raise CommandRefused(f"the key is withdrawn, but these verifiers still hold it: {waiting}; see keys verifiers")
