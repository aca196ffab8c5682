"""`keys`: what this issuer signs with."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import typer

from ..database import Database
from ..instants import utc_now
from ..key_rewrap import rewrap_keys
from ..key_rotation import PROCESSES_RELOADED, Rotation, SpareTooYoung, rotate_keys, withdraw_active_key
from ..settings import load_settings
from ..signing_keys import KeyStore, SigningKey
from .opened import CommandRefused, Yes, confirm, opened, run
from .output import AsJson, Record, show

app = typer.Typer(help="Signing keys.", no_args_is_help=True)
AtOnce = Annotated[bool, typer.Option("--now", help="Also when caches may not know the spare yet.")]
Emergency = Annotated[bool, typer.Option("--emergency", help="Withdraw the active key: all that it signed is refused.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys with their states; private parts are never shown."""
    show(run(_list()), as_json=as_json)


@app.command()
def rotate(at_once: AtOnce = False, emergency: Emergency = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Sign with the spare from now on, retire the key that signed, and make a new spare.

    Running services notice within seconds. What the old key signed stays good until it expires, but for --emergency.
    Refused while verifiers and caches may not have the spare (AUTH_KEY_SPARE_MIN_AGE).
    """
    if emergency:
        confirm("Withdraw the active key, so that everything that it signed is refused?", yes=yes)
    show([run(_withdraw() if emergency else _rotate(at_once=at_once))], as_json=as_json)


@app.command()
def rewrap(as_json: AsJson = False) -> None:
    """Seal the private keys anew with the newest of AUTH_KEY_ENCRYPTION_KEYS, so that older ones can be dropped.

    First restart every auth-service and worker with the newest one, so that all can open what this seals.
    """
    show([run(_rewrap())], as_json=as_json)


def record_of(key: SigningKey, state: str) -> Record:
    return {
        "kid": key.kid,
        "state": state,
        "alg": "RS256",
        "created_at": _written(key.created_at),
        "activated_at": _written(key.activated_at),
        "retired_at": _written(key.retired_at),
        "encryption_key_version": key.encryption_key_version,
    }


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="milliseconds")


def _store(database: Database) -> KeyStore:
    settings = load_settings()
    return KeyStore(database, settings.versioned("key_encryption_keys"), longest_token_ttl=settings.longest_token_ttl)


async def _list() -> list[Record]:
    async with opened() as database:
        store, now = _store(database), utc_now()
        return [record_of(key, store.state_of(key, now=now)) for key in await store.list_keys()]


async def _rotate(*, at_once: bool) -> Record:
    async with opened() as database:
        store, spare_min_age = _store(database), load_settings().key_spare_min_age
        await store.load(now=utc_now())  # an operator without the services' secret must not make a key they cannot open
        try:
            published_for = PROCESSES_RELOADED if at_once else spare_min_age
            attempt = partial(rotate_keys, database, store, utc_now, published_for=published_for)
            rotation = await _when_processes_know(attempt) if at_once else await attempt()
        except SpareTooYoung as young:
            raise CommandRefused(_explain(young)) from None
    return {"active": rotation.active, "retiring": rotation.replaced, "next": rotation.next}


async def _withdraw() -> Record:
    async with opened() as database:
        store = _store(database)
        await store.load(now=utc_now())
        rotation = await _when_processes_know(partial(withdraw_active_key, database, store, utc_now))
    return {"active": rotation.active, "withdrawn": rotation.replaced, "next": rotation.next}


async def _when_processes_know(attempt: Callable[[], Awaitable[Rotation]]) -> Rotation:
    """For caches an operator may not want to wait; for our own processes everybody does, some seconds at most."""
    while True:
        try:
            return await attempt()
        except SpareTooYoung as young:
            await asyncio.sleep(young.remaining.total_seconds())


async def _rewrap() -> Record:
    async with opened() as database:
        store = _store(database)
        rewrapped = await rewrap_keys(database, store)
    return {"rewrapped": len(rewrapped), "version": store.encryption.newest}


def _explain(young: SpareTooYoung) -> str:
    minutes = -(-young.remaining // timedelta(minutes=1))
    return f"{young}: wait {minutes} min, or add --now and some verifiers may refuse new tokens for a minute"
