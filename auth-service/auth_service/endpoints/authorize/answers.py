"""The answer to an authorization request: a code or a refusal, given again if its form is sent again.

The first answer stands. It can be given again to the browser and the session that it was for, as long as the code is
neither redeemed nor expired; a refusal for as long. After that, a page says that the request was answered.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request, Response

from ...clients.clients import Client
from ...clients.document_clients import find_agreed
from ...clients.own_registrations import is_stranger
from ...grants import authorization_requests, device_codes
from ...grants.authorization_requests import StoredRequest
from ...http.authorization_response import answer_code, answer_refusal
from ...http.current_session import Current, SessionParts, find_current
from ...http.pages import PageRefused
from ...http.pending_requests import PendingParts, PendingRequest, answered, expired, require_pending
from ...mail.languages.sentences import Sentence
from ...oauth.authorization_request import Target
from ...oauth.errors import OAuthError
from ...tokens import authorization_codes
from ...tokens.code_values import CodeValues


@dataclass(frozen=True)
class AnswerParts(SessionParts, PendingParts):
    authorization_code_ttl: timedelta
    code_values: CodeValues


class AlreadyAnswered(Exception):
    """Another form of the same request was first."""


async def refuse(
    http: Request,
    pending: PendingRequest,
    current: Current | None,
    refusal: OAuthError,
    parts: AnswerParts,
    now: datetime,
) -> Response:
    """Send the client a refusal, unless a stored request has an answer already.

    Raises:
        PageRefused: nobody here knows the client, and the person has not agreed to it. Nothing is recorded.
    """
    if pending.request.device is None:  # a device's answer redirects nobody
        await require_agreement(pending.client, current, refusal, parts)
    if pending.stored is not None:
        session_id = current.session.id if current else None
        await bind(pending, parts, now)
        async with parts.database.writing() as session:
            is_first = await authorization_requests.refuse(
                session, pending.handle, refusal, session_id=session_id, now=now
            )
            if is_first and pending.request.device is not None:
                await device_codes.answer(session, pending.request.device.code_hash, is_allowed=False, now=now)
        if not is_first:
            return await answer_again(http, pending.handle, parts, now)
    return answer_refusal(http, pending.request.target, refusal)


async def bind(pending: PendingRequest, parts: PendingParts, now: datetime) -> None:
    """Bind a stored request that belongs to no browser to this one. Raises PageRefused if another one was first.

    In a transaction of its own: a row that is changed twice in one locks its client (store/__init__.py, "Locks").
    """
    if not pending.is_unbound or pending.browser is None:
        return
    async with parts.database.writing() as session:
        is_bound = await authorization_requests.bind(session, pending.handle, pending.browser, now=now)
    if not is_bound:
        raise expired()


async def refuse_at_once(
    http: Request, client: Client, target: Target, refusal: OAuthError, parts: AnswerParts, now: datetime
) -> Response:
    """Send the client a refusal of a request that could not be read. Raises PageRefused as `refuse`."""
    current = await find_current(http, parts, now) if is_stranger(client) else None
    await require_agreement(client, current, refusal, parts)
    return answer_refusal(http, target, refusal)


async def require_agreement(client: Client, current: Current | None, refusal: OAuthError, parts: PendingParts) -> None:
    """Before a refusal redirects to a client that nobody here knows: the person must have agreed to it once.

    Otherwise any address could be reached by a link to ours (RFC 9700 §4.11.2).

    Raises:
        PageRefused: it has the refusal, for the developer of the client.
    """
    if not is_stranger(client):
        return
    if current is not None:
        async with parts.database.reading() as session:
            if await find_agreed(session, current.account.id, client):
                return
    raise PageRefused(
        "This did not work",
        Sentence(
            "The application that sent you here asked for something that it cannot have. It has registered itself, so "
            "you are not sent back to it. For its developer: {fault}",
            fault=f"{refusal.error}: {refusal.description}",
        ),
        reason=f"{client.client_id}: {refusal.error}",
    )


async def answer_again(http: Request, handle: str, parts: AnswerParts, now: datetime) -> Response:
    """Give the stored answer again. Raises PageRefused if that is not possible, or the browser has another session."""
    pending = await require_pending(http, parts, handle, now=now)
    current = await find_current(http, parts, now)
    stored = pending.stored
    if stored is None or stored.answered_session_id != (current.session.id if current else None):
        raise answered(pending)
    if stored.refused is not None and _is_recent(stored, parts, now):
        return answer_refusal(http, pending.request.target, stored.refused)
    if pending.request.device is not None and not stored.refused:
        return answer_code(http, pending.request.target, "")
    code = None if current is None or stored.refused else await _find_code(handle, current.session.id, parts, now)
    if code is None:
        raise answered(pending)
    return answer_code(http, pending.request.target, code)


def _is_recent(stored: StoredRequest, parts: AnswerParts, now: datetime) -> bool:
    return stored.answered_at is not None and now < stored.answered_at + parts.authorization_code_ttl


async def _find_code(handle: str, session_id: str, parts: AnswerParts, now: datetime) -> str | None:
    for code in parts.code_values.candidates(handle, session_id):
        held = await authorization_codes.find(parts.database, code)
        if held is not None:
            return code if authorization_codes.may_be_given_again(held, now=now) else None
    return None
