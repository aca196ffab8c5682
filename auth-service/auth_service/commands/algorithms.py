"""Shared by commands that register an API or a client: the signing algorithm that it asks for, and when that begins."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients.algorithms import find_active_key, find_lacking_of
from ..keys.rotation import PROCESSES_RELOADED
from ..keys.signing import NEXT, token_purpose
from ..oauth.algorithms import RS256, SIGNED_RESPONSE_ALG, USERINFO_ALG
from ..oauth.resources import Resource
from ..settings.settings import load_settings
from ..store.instants import utc_now
from .key_withdrawal import find_store
from .opened import CommandRefused, opened

MEMBER = "access_token_signing_alg"


async def check_change(session: AsyncSession, before: Resource, after: Resource) -> None:
    """Refuse to change the algorithm of an API until every verifier of it knows the new key.

    If the new algorithm has no active key yet, an API with RS256 tokens may be changed at once: its tokens stay RS256
    until the worker activates the first key, which waits for its verifiers.

    Raises:
        CommandRefused: says what to wait for.
    """
    old, alg = before.access_token_signing_alg, after.access_token_signing_alg
    if old == alg:
        return
    key = await find_active_key(session, alg)
    if key is None:
        if old != RS256 and await find_active_key(session, old) is not None:
            raise CommandRefused(f"{MEMBER}: {alg} has no active key yet: change it to {RS256} first, then to {alg}")
        return
    remaining = key.created_at + load_settings().key_spare_min_age - utc_now()
    if alg != RS256 and remaining > timedelta(0):
        minutes = -(-remaining // timedelta(minutes=1))
        raise CommandRefused(f"{MEMBER}: the {alg} key {key.kid} is too new: wait {minutes} min, or add --now")
    if lacking := await find_lacking_of(session, after.resource, key.kid, now=utc_now()):
        names = ", ".join(lacking)
        raise CommandRefused(f"{MEMBER}: these verifiers lack the {alg} key {key.kid}: {names}; or add --now")


async def begin(alg: str, what: str) -> None:
    """Make the first key of the algorithm if there is none, and say on standard error when it begins to sign `what`."""
    if alg == RS256:
        return
    async with opened() as database:
        async with database.reading() as session:
            if await find_active_key(session, alg) is not None:
                return
        store = find_store(database, token_purpose(alg))
        await store.create_first(now=utc_now())
        keys = {key.state: key for key in await store.list_keys()}
    if NEXT in keys:
        ready = keys[NEXT].created_at + max(load_settings().key_spare_min_age, PROCESSES_RELOADED)
        typer.echo(
            f"auth-service: {RS256} signs {what} for now. The first {alg} key is published, and signs them from"
            f" {ready:%Y-%m-%d %H:%M} UTC on, or later, when every verifier reports that it holds it."
            f" `keys rotate --alg {alg} --now` does not wait",
            err=True,
        )


async def begin_for_client(members: Mapping[str, Any], client_id: str) -> None:
    """The same for the algorithms that the metadata of a client ask for."""
    what = {SIGNED_RESPONSE_ALG: "ID tokens", USERINFO_ALG: "userinfo responses"}
    asked: dict[str, list[str]] = {}
    for member, told in what.items():
        asked.setdefault(members.get(member) or RS256, []).append(told)
    for alg, signed in asked.items():
        await begin(alg, f"{' and '.join(signed)} for {client_id}, which it may refuse,")
