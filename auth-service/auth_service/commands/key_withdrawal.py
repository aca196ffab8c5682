"""`keys rotate --emergency`: withdraws a key at once, and waits until each verifier reports that it refuses the key.

A silent verifier is named but not waited for. Most silent ones have ended without sign-off (SIGKILL, a lost node), and
an ended process must not make the command fail during an incident. A verifier that still runs but is cut off looks the
same from here; it trusts its old keys for at most a day.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import typer

from ..audit.trail import record_rotation
from ..keys.rotation import Rotation, SpareTooYoung, withdraw_active_key, withdraw_inactive_key
from ..keys.signing import (
    ACTIVE,
    GONE,
    NEXT,
    STATUS_LISTS,
    TOKENS,
    KeyStore,
    SigningKey,
    open_status_list_keys,
    open_token_stores,
)
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


async def withdraw(purpose: str | None, *, kid: str | None, everything: bool, as_json: bool) -> None:
    """Withdraw keys at once, and show when each verifier first reported without them.

    Args:
        purpose: withdraw the active key of this purpose.
        kid: withdraw this key, in whatever state it is published.
        everything: withdraw every active key, and every first key that does not sign yet.

    Raises:
        CommandRefused: no key is chosen, or several could be meant; nothing is changed. Or the keys are withdrawn, but
            a verifier that is not silent still reports that it holds one.
    """
    async with opened() as database:
        output, withdrawn = Output(as_json=as_json), set[str]()
        begun = utc_now()
        for store, key in await _choose(open_stores(database), purpose, kid, everything=everything):
            await store.check_readable()
            output.write([await _withdraw_one(database, store, key)])
            withdrawn.add(key.kid)
            begun = utc_now()
        output = Output(as_json=as_json)
        holding = await _watch(database, withdrawn, begun, output)
        silent = [each for each in holding if each.is_silent(now=utc_now())]
        output.write([_record_of(each, withdrawn, begun) for each in silent])
    _conclude(_names(silent), _names([each for each in holding if each not in silent]))


async def _choose(
    stores: Sequence[KeyStore], purpose: str | None, kid: str | None, *, everything: bool
) -> list[tuple[KeyStore, SigningKey]]:
    now = utc_now()
    keys = [(store, key) for store in stores for key in await store.list_keys()]
    published = [(store, key) for store, key in keys if store.state_of(key, now=now) != GONE]
    if kid is not None:
        if not (named := [each for each in published if each[1].kid == kid]):
            raise CommandRefused(f"no published key is named {kid!r}: see keys list")
        return named
    active = [each for each in published if each[1].state == ACTIVE]
    if everything:
        signing = {store.purpose for store, _ in active}
        return active + [each for each in published if each[1].state == NEXT and each[0].purpose not in signing]
    of_tokens = [each for each in active if each[0].purpose != STATUS_LISTS]
    if purpose is None and len(of_tokens) > 1:
        names = ", ".join(f"{key.kid} ({store.alg})" for store, key in of_tokens)
        raise CommandRefused(f"several keys sign tokens: name one of {names}, or add --all")
    chosen = [each for each in active if each[0].purpose == (purpose or TOKENS)]
    if not chosen:
        raise CommandRefused("there is no active key to withdraw: see keys list")
    return chosen


async def _withdraw_one(database: Database, store: KeyStore, key: SigningKey) -> Record:
    """Withdraw the key. Returns the line for it: what signs now, and the spare."""
    if key.state == ACTIVE:
        attempt = partial(withdraw_active_key, database, store, utc_now, kid=key.kid)
        rotation = await when_processes_know(attempt)
    else:
        await withdraw_inactive_key(database, store, key, utc_now)
        left = {each.state: each.kid for each in await store.list_keys()}
        rotation = Rotation(replaced=key.kid, active=left.get(ACTIVE, ""), next=left.get(NEXT, ""))
    async with database.writing() as session:
        await record_rotation(session, "key_withdrawn", rotation, now=utc_now())
    return {"active": rotation.active or None, "withdrawn": key.kid, "next": rotation.next or None}


async def _watch(database: Database, kids: set[str], begun: datetime, output: Output) -> Sequence[VerifierReport]:
    """Show each verifier as soon as it holds none of the keys. Returns the last reports of those that still do."""
    shown: set[str] = set()
    while True:
        async with database.reading() as session:
            reports = await list_reports(session, now=(now := utc_now()))
        done = [each for each in reports if each.name not in shown and not _holds(each, kids)]
        output.write([_record_of(each, kids, begun) for each in done])
        shown |= {each.name for each in done}
        holding = [each for each in reports if _holds(each, kids)]
        is_over = all(each.is_silent(now=now) for each in holding)
        if sys.stderr.isatty():
            typer.echo(f"\r{len(shown)} of {len(reports)} verifiers refuse the key", nl=is_over, err=True)
        if is_over or now > begun + WATCH_TIMEOUT:
            return holding
        await asyncio.sleep(WATCH_PERIOD.total_seconds())


def _holds(report: VerifierReport, kids: set[str]) -> bool:
    return any(map(report.holds, kids))


def _record_of(report: VerifierReport, kids: set[str], begun: datetime) -> Record:
    """One line of output. A verifier that never held the key has refused it from the start: 0 seconds."""
    seconds = max((report.held_since - begun).total_seconds(), 0)
    has_let_go = not _holds(report, kids)
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
