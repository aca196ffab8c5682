"""What is next for a request, and what is done about it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...clients.clients import Client
from ...grants import authorization_requests, consents
from ...http.authorization_response import answer_code, answer_refusal
from ...http.current_session import Current, find_current
from ...http.pages import HANDLE, see_other
from ...http.parts import Parts
from ...http.pending_requests import Waiting, expired
from ...oauth import interaction
from ...oauth.authentication_context import ONE_FACTOR, PASSWORD
from ...oauth.authorization_request import AuthorizationRequest
from ...oauth.consent import counts_again, scopes_to_agree_to
from ...oauth.errors import ConsentRequired, LoginRequired, OAuthError
from ...oauth.interaction import Person, Progress, Step
from ...sessions.browser_sessions import lock_live
from ...telemetry.logs import audit
from ...tokens import authorization_codes
from ...tokens.authorization_codes import Authorization

PAGES = {Step.SIGN_IN: "/signin", Step.SELECT_ACCOUNT: "/select-account", Step.CONSENT: "/consent"}


@dataclass(frozen=True)
class Asked:
    """A request and its client; and how far it has come, if it waits already."""

    request: AuthorizationRequest
    client: Client
    waiting: Waiting | None = None


async def proceed(http: Request, asked: Asked, parts: Parts, now: datetime) -> Response:
    """The next page, or the answer."""
    current = await find_current(http, parts, now)
    try:
        return await _decide(http, asked, current, parts, now)
    except OAuthError as refusal:
        await _forget(asked, parts)
        return answer_refusal(http, asked.request.target, refusal)


async def _decide(http: Request, asked: Asked, current: Current | None, parts: Parts, now: datetime) -> Response:
    progress = await _progress(asked, current, parts, now)
    person = None if current is None else Person(current.account.id, current.session.authenticated_at)
    step = interaction.decide(asked.request, person, progress, issuer=parts.issuer, now=now)
    if step is Step.DONE and current is not None:
        return answer_code(http, asked.request.target, await _issue(asked, current, parts, now))
    return await send_on(http, asked, PAGES[step], parts, now)


async def _progress(asked: Asked, current: Current | None, parts: Parts, now: datetime) -> Progress:
    stored = None if asked.waiting is None else asked.waiting.stored
    since = now if stored is None else stored.created_at
    if current is None:
        return Progress(since)
    has_selected = stored is not None and stored.selected_session_id == current.session.id
    if asked.client.registration.first_party:  # ours: nobody is asked
        return Progress(since, has_selected, has_consented=True, is_covered=True)
    async with parts.database.reading() as session:
        agreed = await consents.find_scopes(session, current.account.id, asked.client.client_id, asked.request.resource)
    has_consented = stored is not None and stored.consented_session_id == current.session.id
    counts = has_consented or counts_again(asked.request, asked.client.registration)
    is_covered = counts and scopes_to_agree_to(asked.request) <= agreed
    return Progress(since, has_selected, has_consented=has_consented, is_covered=is_covered)


async def _issue(asked: Asked, current: Current, parts: Parts, now: datetime) -> str:
    """The code, in the transaction that takes the request: of two tabs one is answered."""
    request = asked.request
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
        acr=ONE_FACTOR,
        amr=PASSWORD,
        claims=request.claims,
    )
    async with parts.database.writing() as session:
        if asked.waiting is not None and not await authorization_requests.take(session, asked.waiting.named):
            raise expired()
        if not await lock_live(session, current.session.id, now=now):
            raise LoginRequired("The person has just been signed out.")
        if not await _is_agreed_to(session, asked, current.account.id):
            raise ConsentRequired("The person has just taken back what they had agreed to.")
        code = await authorization_codes.issue(session, authorization, ttl=parts.authorization_code_ttl, now=now)
    audit("code_issued", client_id=request.client_id, account_id=current.account.id, session_id=current.session.id)
    return code


async def _is_agreed_to(session: AsyncSession, asked: Asked, account_id: str) -> bool:
    """Whether it still is; it stays so until the transaction ends, so that no grant outlives its consent."""
    if asked.client.registration.first_party:
        return True
    client_id, resource = asked.client.client_id, asked.request.resource
    agreed = await consents.find_scopes(session, account_id, client_id, resource, lock=True)
    return scopes_to_agree_to(asked.request) <= agreed


async def send_on(http: Request, asked: Asked, page: str, parts: Parts, now: datetime) -> Response:
    """Store the request, if it is not, and show a page; a browser that is new gets its cookie."""
    if asked.waiting is not None:
        return see_other(page, **{HANDLE: asked.waiting.handle})
    browser = parts.browsers.recognize(http)
    async with parts.database.writing() as session:
        handle = await authorization_requests.store(session, asked.request, browser=browser, now=now)
    return see_other(page, **{HANDLE: handle})


async def _forget(asked: Asked, parts: Parts) -> None:
    """A request that was refused is over, too."""
    if asked.waiting is not None:
        async with parts.database.writing() as session:
            await authorization_requests.take(session, asked.waiting.named)
