"""The code that answers an authorization request, issued in one transaction.

The transaction marks the stored request as answered, so that two tabs get one code, and checks session, APIs and
consent once more. They are locked until its end, so that the code outlives none of them.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from ...audit import trail
from ...clients import own_registrations
from ...clients.document_clients import find_agreed, has_document, keep
from ...clients.own_registrations import apis_for
from ...grants import consents, device_codes, own_grants
from ...grants.request_answers import answering
from ...http.current_session import Current
from ...http.pending_requests import PendingRequest, expired
from ...oauth import interaction
from ...oauth.authentication_context import acr_of, shown
from ...oauth.consent import Agreement, covers, to_agree_to
from ...oauth.errors import InvalidTarget, LoginRequired, TemporarilyUnavailable
from ...oauth.fapi2 import CODE_MAX_TTL
from ...oauth.scope import IDENTITY
from ...resources.cache import ResourceCache
from ...resources.resources import Locking
from ...sessions.browser_sessions import locking_live
from ...store.database import Database
from ...store.together import Asked, Found, send
from ...tokens import authorization_codes
from ...tokens.authorization_codes import Authorization
from ...tokens.holders import hold_owners, holding_owners
from . import devices
from .answers import AlreadyAnswered, AnswerParts


@dataclass(frozen=True)
class IssueParts(AnswerParts):
    resources: ResourceCache


class NotAgreed(Exception):
    """The person has not consented to all of the request, or no longer. Nothing is stored."""


class _GrantEnded(TemporarilyUnavailable):
    """The session's grant at the client was there, and has ended before the code was stored."""


@dataclass(frozen=True)
class _Issue:
    """The arguments of the transaction that issues a code."""

    pending: PendingRequest
    authorization: Authorization
    code: str
    wanted: Agreement
    apis: Collection[str]
    ttl: timedelta
    now: datetime


async def issue(pending: PendingRequest, current: Current, parts: IssueParts, now: datetime) -> str:
    """Issue a code for the signed-in person, store it in the session's grant or one of its own, and return it.

    Raises:
        NotAgreed, AlreadyAnswered
        InvalidTarget, LoginRequired: an API was removed, or the session has ended, a moment ago.
        TemporarilyUnavailable: the grant has ended a moment ago, and the next one, too.
        PageRefused: the client or the account was deleted a moment ago.
    """
    request, resources = pending.request, await parts.resources.current(now=now)
    authorization = Authorization(
        client_id=request.client_id,
        account_id=current.account.id,
        session_id=current.session.id,
        redirect_uri=request.redirect_uri,
        scope=request.scope,
        resource=request.resource,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        auth_time=current.session.authenticated_at,
        acr=shown(acr_of(current.session.methods), interaction.accepted_acrs(request)),
        amr=current.session.methods,
        claims=request.claims,
        max_age=request.max_age,
        dpop_jkt=request.dpop_jkt,
        place=devices.find_place(request, pending.client.registration, current.session),
    )
    code = parts.code_values.make(pending.handle, current.session.id)
    if request.device is not None:
        code = device_codes.grant_code_of(request.device.code_hash)
    apis, registered = set(request.audiences) - {resources.issuer}, pending.client.registration
    if not apis <= set(apis_for(pending.client, resources).open_to(registered.scope, registered.default_resource)):
        raise InvalidTarget("The client may no longer ask for this resource.")  # the request waited for a day, perhaps
    ttl = min(parts.authorization_code_ttl, CODE_MAX_TTL) if registered.is_fapi2 else parts.authorization_code_ttl
    wanted = to_agree_to(request, resources)
    it = _Issue(pending, authorization, code, wanted, apis, ttl, now)
    account_id, client_id = authorization.account_id, authorization.client_id
    event, facts = devices.describe(request, authorization.session_id)
    told = {"told": trail.keeping(event, now=now, account_id=account_id, client_id=client_id, facts=facts)}
    try:
        await _store(parts.database, it, told)
    except _GrantEnded:  # between two statements: the next try makes another
        await _store(parts.database, it, told)
    trail.tell(event, {"account_id": account_id, "client_id": client_id, **facts})
    return code


async def _store(database: Database, it: _Issue, told: dict[str, Asked]) -> None:
    client = it.pending.client
    if has_document(client) or client.unused_until is not None or it.authorization.place is not None:
        await database.transact(_issue_to_unusual_client, it, told)
    else:
        await database.transact_together(_asked(it) | told, partial(_refuse, it))


async def _issue_to_unusual_client(session: AsyncSession, it: _Issue, told: dict[str, Asked]) -> None:
    """The same transaction for a client whose row is changed with it, or for a grant of its own."""
    pending, given, client = it.pending, it.authorization, it.pending.client
    if not await keep(session, client, now=it.now):
        raise expired()
    if not await hold_owners(session, given.account_id, given.client_id):
        raise expired()
    await own_registrations.note_use(session, client)
    asked, found, ttl, own_grant = _checked(it), {}, it.ttl, None
    if pending.request.device is not None:  # its code is answered after the request and before the session is locked
        opening = {name: asked.pop(name) for name in ("owners", "answered")}
        found = {**await send(session, opening)}
        if refusal := _refuse_opening(it, found):
            raise refusal
        ttl = await devices.allow(session, pending.request.device, now=it.now)
    found |= await send(session, asked)
    if given.place is not None:
        own_grant = await own_grants.create(
            session,
            given.place,
            account_id=given.account_id,
            session_id=given.session_id,
            client_id=given.client_id,
            is_offline=given.is_offline,
            now=it.now,
        )
    issuing = authorization_codes.issuing(it.code, given, ttl=ttl, now=it.now, own_grant=own_grant)
    found |= await send(session, {**issuing, **told})
    if has_document(client):  # a consent counts for what the document said then
        agreed = await find_agreed(session, given.account_id, client, lock=True)
        found["agreed"] = [(resource, json.dumps([*scopes])) for resource, scopes in agreed.items()]
    if refusal := _refuse(it, found):
        raise refusal


def _asked(it: _Issue) -> dict[str, Asked]:
    """Lock, check and store, in the order of store/__init__.py, "Locks"."""
    return {**_checked(it), **authorization_codes.issuing(it.code, it.authorization, ttl=it.ttl, now=it.now)}


def _checked(it: _Issue) -> dict[str, Asked]:
    pending, given = it.pending, it.authorization
    browser, session_id = pending.browser or "", given.session_id
    answer = {"answered": answering(pending.handle, browser, session_id=session_id, now=it.now)}
    return {
        "owners": holding_owners(given.account_id, given.client_id),
        **({} if pending.stored is None else answer),
        "session": locking_live(session_id, now=it.now),
        **Locking(it.apis).asked,
        "agreed": consents.locking_agreed(given.account_id, given.client_id),
    }


def _refuse_opening(it: _Issue, found: Found) -> Exception | None:
    if not found["owners"]:  # the account or the client was deleted a moment ago, with its consents
        return expired() if it.pending.client.registration.first_party else NotAgreed()
    if it.pending.stored is not None and not found["answered"]:
        return AlreadyAnswered()
    return None


def _refuse(it: _Issue, found: Found) -> Exception | None:
    """What forbids the code."""
    if refusal := _refuse_opening(it, found):
        return refusal
    if not found["session"]:
        return LoginRequired("The person has just been signed out.")
    if not Locking(it.apis).allows(found, set(it.authorization.scope) - set(IDENTITY)):
        return InvalidTarget("The resource, or a scope of it, has just been removed.")
    is_asked = not it.pending.client.registration.first_party
    if is_asked and not covers(consents.agreed(found["agreed"]), it.wanted):
        return NotAgreed()
    return None if found["code"] else _GrantEnded("The access that was being given has just been ended.")
