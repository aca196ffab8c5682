"""`keys`: what this issuer signs with."""

import asyncio
from datetime import datetime, timedelta
from typing import Annotated

import typer

from ..database import Database
from ..instants import utc_now
from ..key_rotation import CACHES_PASSED, PROCESSES_RELOADED, Rotation, SpareTooYoung, rotate_keys
from ..settings import load_settings
from ..signing_keys import KeyStore, SigningKey
from .opened import CommandRefused, opened, run
from .output import AsJson, Record, show

app = typer.Typer(help="Signing keys.", no_args_is_help=True)
AtOnce = Annotated[bool, typer.Option("--now", help="Also when caches may not know the spare yet.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys with their states; private parts are never shown."""
    show(run(_list()), as_json=as_json)


@app.command()
def rotate(at_once: AtOnce = False, as_json: AsJson = False) -> None:
    """Sign with the spare from now on, retire the key that signed, and make a new spare.

    Running services notice within seconds. What the old key signed stays good until it expires. Refused while the
    spare has been published for less than an hour, because verifiers and caches may not have it.
    """
    show([run(_rotate(at_once=at_once))], as_json=as_json)


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
    return KeyStore(database, settings.versioned("key_encryption_keys"), access_token_ttl=settings.access_token_ttl)


async def _list() -> list[Record]:
    async with opened() as database:
        store, now = _store(database), utc_now()
        return [record_of(key, store.state_of(key, now=now)) for key in await store.list_keys()]


async def _rotate(*, at_once: bool) -> Record:
    async with opened() as database:
        store = _store(database)
        await store.load(now=utc_now())  # an operator without the services' secret must not make a key they cannot open
        rotation = await _rotate_when_known(database, store, at_once=at_once)
    return {"active": rotation.active, "retiring": rotation.retiring, "next": rotation.next}


async def _rotate_when_known(database: Database, store: KeyStore, *, at_once: bool) -> Rotation:
    """Raises RotationRefused; CommandRefused when caches are to be waited for. For our own processes we wait here."""
    while True:
        try:
            published_for = PROCESSES_RELOADED if at_once else CACHES_PASSED
            return await rotate_keys(database, store, utc_now, published_for=published_for)
        except SpareTooYoung as young:
            if not at_once:
                raise CommandRefused(_explain(young)) from None
            await asyncio.sleep(young.remaining.total_seconds())


def _explain(young: SpareTooYoung) -> str:
    minutes = -(-young.remaining // timedelta(minutes=1))
    return f"{young}: wait {minutes} min, or add --now and some verifiers may refuse new tokens for a minute"
