"""Removing an API or some of its scopes from the registry, and with them from all that is stored.

Nothing that is registered later under the same name inherits it: consents, codes, refresh tokens and the registrations
of clients lose it in the same transaction. Tokens that may be for the API are revoked, with all tokens of their grant:
an access token has no row, so one of them cannot be ended alone. The grants live on, and their next tokens have another
index.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, Text, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients import clients
from ..clients.clients import WEB_CLIENT_ID, Client
from ..grants.consents import Consent, Withdrawn
from ..grants.grants import Authorized, Grant
from ..grants.status_of_grants import renew_indexes
from ..oauth import token_exchange
from ..oauth.client_metadata import ClientMetadata
from ..oauth.resources import Resource
from ..resources import resources
from ..sessions.browser_sessions import BrowserSession
from ..status_lists import indexes as status_indexes
from .authorization_codes import AuthorizationCode
from .personal_tokens import PersonalToken
from .refresh_tokens import RefreshTokenFamily
from .removed_roles import take_roles

_KINDS: tuple[type[Authorized], ...] = (AuthorizationCode, RefreshTokenFamily, PersonalToken)  # codes become families


@dataclass(frozen=True)
class Loss:
    """What is removed: some scopes of an API, or the whole API with all of its scopes."""

    resource: str
    scopes: frozenset[str]
    is_whole: bool
    roles: frozenset[str] = frozenset()  # of a whole API

    def __bool__(self) -> bool:
        return self.is_whole or bool(self.scopes)


def loss_of(api: Resource) -> Loss:
    return Loss(api.resource, frozenset(api.scopes), is_whole=True, roles=frozenset(api.roles))


@dataclass(frozen=True)
class Affected(Withdrawn):
    """Numbers of consents, grants and clients that lose something."""

    clients: int

    def __str__(self) -> str:
        return f"{self.consents} consents, {self.grants} grants and {self.clients} clients"


async def count_affected(session: AsyncSession, loss: Loss) -> Affected:
    held = [Grant.id.in_(select(kind.grant_id).where(_loses(kind, loss))) for kind in _KINDS]
    live = select(func.count()).select_from(Grant).where(Grant.ended_at.is_(None), or_(*held))
    clients = [client for client in (await session.scalars(select(Client))).all() if _without(client, loss)]
    return Affected(len(await _consents(session, loss)), await session.scalar(live) or 0, len(clients))


async def take_away(session: AsyncSession, loss: Loss, *, now: datetime) -> Affected:
    """Take the API or the scopes out of all that is stored. The caller changes the registry in this transaction."""
    await lock_clients(session)
    affected = await count_affected(session, loss)
    await _take_from_clients(session, loss, now=now)
    if loss.is_whole:  # first: a request that stores something for the API now waits, and then finds it gone
        await resources.lock(session, loss.resource)
        await take_roles(session, loss.resource, loss.roles, now=now)
        await resources.remove(session, loss.resource)
    await _take_from_consents(session, loss)
    await _take_from_grants(session, loss, now=now)
    return affected


async def lock_clients(session: AsyncSession) -> None:
    """Lock all clients. Call it before an API or a scope is removed (store/__init__.py, "Locks")."""
    await _lock(session, select(Client.client_id).order_by(Client.client_id))


async def withdraw(session: AsyncSession, account_id: str, client_id: str, loss: Loss, *, now: datetime) -> Affected:
    """Withdraw an account's consent to a client for one API. The client keeps its grants, without that API."""
    which = (Consent.account_id == account_id, Consent.client_id == client_id, Consent.resource == loss.resource)
    gone = (await session.scalars(delete(Consent).where(*which).returning(Consent.resource))).all()
    own = select(Grant.id).where(Grant.account_id == account_id, Grant.client_id == client_id)
    return Affected(len(gone), await _take_from_grants(session, loss, own, now=now), 1)


async def _take_from_grants(
    session: AsyncSession, loss: Loss, grant_ids: Select[Any] | None = None, *, now: datetime
) -> int:
    """Take it out of codes and refresh tokens, and revoke the access tokens of their grants. Returns how many grants.

    A code or family to which nothing is left is deleted.
    """
    whose = () if grant_ids is None else (Grant.id.in_(grant_ids),)
    held = [Grant.id.in_(select(kind.grant_id).where(_loses(kind, loss))) for kind in _KINDS]
    await _lock(session, select(Grant.id).where(or_(*held), *whose).order_by(Grant.id))
    changed: set[str] = set()
    for kind in _KINDS:
        changed |= set(await _take_from(session, kind, loss, grant_ids))
        empty = delete(kind).where(kind.scope == "", kind.resource == "")
        await session.execute(empty, execution_options={"synchronize_session": False})
    await renew_indexes(session, sorted(changed), now=now)
    return len(changed)


async def _lock(session: AsyncSession, which: Select[str]) -> None:
    """Lock these rows until the transaction ends (store/__init__.py, "Locks")."""
    await session.execute(select(func.count()).select_from(which.with_for_update().subquery()))


async def _consents(session: AsyncSession, loss: Loss) -> list[Consent]:
    of_api = select(Consent).where(Consent.resource == loss.resource).order_by(Consent.account_id, Consent.client_id)
    found = await session.scalars(of_api.with_for_update())
    return [each for each in found if loss.is_whole or each.scopes & loss.scopes]


async def _take_from_consents(session: AsyncSession, loss: Loss) -> None:
    for consent in await _consents(session, loss):
        if loss.is_whole:
            await session.delete(consent)
        else:
            consent.scope = json.dumps(sorted(consent.scopes - loss.scopes))
    await session.flush()


def _loses(kind: type[Authorized], loss: Loss) -> Any:
    held = [_padded(kind.scope).contains(f" {scope} ", autoescape=True) for scope in sorted(loss.scopes)]
    if loss.is_whole:
        held.append(_padded(kind.resource).contains(f" {loss.resource} ", autoescape=True))
    return or_(*held)


def _padded(words: SQLColumnExpression[str]) -> SQLColumnExpression[str]:
    """The words with a space on either side of each."""
    return literal(" ", Text) + words + literal(" ", Text)


def _less(words: SQLColumnExpression[str], gone: str) -> Any:
    """The words without this one, as SQL."""
    return func.trim(func.replace(_padded(words), f" {gone} ", " "))


async def _take_from(
    session: AsyncSession, kind: type[Authorized], loss: Loss, grant_ids: Select[Any] | None
) -> list[str]:
    """Take it out of the codes or families. Returns the ids of their grants."""
    scope: Any = kind.scope
    for gone in sorted(loss.scopes):
        scope = _less(scope, gone)
    resource = _less(kind.resource, loss.resource) if loss.is_whole else kind.resource
    whose = () if grant_ids is None else (kind.grant_id.in_(grant_ids),)
    changed = update(kind).where(_loses(kind, loss), *whose).values(scope=scope, resource=resource)
    quietly = {"synchronize_session": False}
    return [*(await session.scalars(changed.returning(kind.grant_id), execution_options=quietly)).all()]


async def _take_from_clients(session: AsyncSession, loss: Loss, *, now: datetime) -> None:
    """Their registrations lose it, and their own tokens end; for the client `web` these are its sessions' tokens."""
    for client in (await session.scalars(select(Client).with_for_update())).all():
        left = _without(client, loss)
        if left is None:
            continue
        values = {"registered": json.dumps(left.members()), "updated_at": now}
        await session.execute(update(Client).where(Client.client_id == client.client_id).values(values))
        if client.client_id == WEB_CLIENT_ID:
            await _renew_indexes_of_sessions(session, now=now)
        else:
            await clients.revoke_own_tokens(session, client.client_id, now=now)


async def _renew_indexes_of_sessions(session: AsyncSession, *, now: datetime) -> None:
    """Revoke the access tokens of all sessions. The sessions live on: their next tokens have another index."""
    await session.execute(update(BrowserSession).values(status_list_id=None, status_index=None))
    await status_indexes.revoke_of(session, select(BrowserSession.id), now=now)


def _without(client: Client, loss: Loss) -> ClientMetadata | None:
    """What is left of the registration; None if it does not change."""
    before = client.registration
    scope = tuple(scope for scope in before.scope if scope not in loss.scopes)
    rules = token_exchange.without(before.exchange, loss.resource, loss.scopes, is_whole=loss.is_whole)
    left = replace(before, scope=scope, exchange=rules)
    if loss.is_whole and before.default_resource == loss.resource:
        left = replace(left, default_resource=None)
    if loss.is_whole:
        rest = tuple(api for api in before.protected_resource if api != loss.resource)
        left = replace(left, protected_resource=rest)
    return None if left == before else left
