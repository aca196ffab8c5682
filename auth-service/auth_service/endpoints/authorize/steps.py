"""The next step of an authorization request: a page, a code or a refusal."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import recorded
from ...clients import own_registrations
from ...clients.document_clients import document_metadata, find_agreed, keep
from ...clients.own_registrations import apis_for
from ...grants import authorization_requests, device_codes
from ...http.authorization_response import answer_code
from ...http.current_session import Current, find_current
from ...http.languages import note_asked
from ...http.pages import HANDLE, see_other
from ...http.pending_requests import PendingRequest, expired
from ...oauth import interaction
from ...oauth.authentication_context import acr_of, shown
from ...oauth.consent import Agreement, covers, may_be_remembered, to_agree_to
from ...oauth.errors import ConsentRequired, InvalidTarget, LoginRequired, OAuthError
from ...oauth.fapi2 import CODE_MAX_TTL
from ...oauth.interaction import Person, Progress, Step
from ...oauth.scope import IDENTITY
from ...resources.cache import ResourceCache
from ...resources.resources import lock_registered
from ...sessions.browser_sessions import lock_live
from ...tokens import authorization_codes
from ...tokens.authorization_codes import Authorization
from ...tokens.holders import hold_owners
from . import devices
from .answers import AlreadyAnswered, AnswerParts, answer_again, refuse
from .needed_factors import NeededFactorParts, has_second_factor, needs_second_factor

PAGES = {
    Step.SIGN_IN: "/signin",
    Step.SECOND_FACTOR: "/second-factor",
    Step.SELECT_ACCOUNT: "/select-account",
    Step.CONSENT: "/consent",
}


@dataclass(frozen=True)
class StepParts(AnswerParts, NeededFactorParts):
    issuer: str
    resources: ResourceCache


async def proceed(http: Request, pending: PendingRequest, parts: StepParts, now: datetime) -> Response:
    """Redirect the browser to the next page, or send the client its answer."""
    current = await find_current(http, parts, now)
    try:
        return await _decide(http, pending, current, parts, now)
    except OAuthError as refusal:
        return await refuse(http, pending, current, refusal, parts, now)
    except AlreadyAnswered:
        return await answer_again(http, pending.handle, parts, now)


async def _decide(
    http: Request, pending: PendingRequest, current: Current | None, parts: StepParts, now: datetime
) -> Response:
    progress = await _progress(pending, current, parts, now)
    person = None
    if current is not None:
        is_hinted = pending.find_other_hint(current.account.email) is None
        person = Person(
            current.account.id,
            current.session.authenticated_at,
            is_hinted,
            acr=acr_of(current.session.methods),
            has_second_factor=await has_second_factor(pending, current, parts),
            needs_second_factor=await needs_second_factor(pending, current, parts),
        )
    step = interaction.decide(pending.request, person, progress, issuer=parts.issuer, now=now)
    if step is Step.DONE and current is not None:
        return answer_code(http, pending.request.target, await _issue(pending, current, parts, now))
    return await send_on(http, pending, PAGES[step], parts, now)


async def _progress(pending: PendingRequest, current: Current | None, parts: StepParts, now: datetime) -> Progress:
    stored = pending.stored
    if current is None:
        return Progress()
    has_signed_in = stored is not None and stored.signed_in_session_id == current.session.id
    is_new = has_signed_in and stored is not None and bool(stored.is_sign_in_new)
    has_selected = stored is not None and stored.selected_session_id == current.session.id
    counts_again = may_be_remembered(pending.request, pending.client.registration)
    if pending.client.registration.first_party and counts_again:  # our own client: nobody is asked for consent
        return Progress(has_signed_in, is_new, has_selected, has_consented=True, is_covered=True)
    async with parts.database.reading() as session:
        agreed = await find_agreed(session, current.account.id, pending.client)
    has_consented = stored is not None and stored.consented_session_id == current.session.id
    wanted = to_agree_to(pending.request, await parts.resources.current(now=now))
    is_covered = (has_consented or counts_again) and covers(agreed, wanted)
    return Progress(has_signed_in, is_new, has_selected, has_consented=has_consented, is_covered=is_covered)


async def _issue(pending: PendingRequest, current: Current, parts: StepParts, now: datetime) -> str:
    """Issue the code in the transaction that marks the stored request as answered, so that two tabs get one code."""
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
    wanted = to_agree_to(request, resources)
    apis, registered = set(request.audiences) - {resources.issuer}, pending.client.registration
    if not apis <= set(apis_for(pending.client, resources).open_to(registered.scope, registered.default_resource)):
        raise InvalidTarget("The client may no longer ask for this resource.")  # the request waited for a day, perhaps
    ttl = min(parts.authorization_code_ttl, CODE_MAX_TTL) if registered.is_fapi2 else parts.authorization_code_ttl
    event, facts = devices.describe(request, current.session.id)
    answer = recorded(
        _answer, event, at=now, account_id=current.account.id, client_id=request.client_id, facts=lambda _: facts
    )
    await parts.database.transact(answer, pending, authorization, code, wanted, apis, ttl, now)
    return code


async def _answer(
    session: AsyncSession,
    pending: PendingRequest,
    authorization: Authorization,
    code: str,
    wanted: Agreement,
    apis: Collection[str],
    ttl: timedelta,
    now: datetime,
) -> None:
    is_kept = await keep(session, pending.client, now=now)
    if not is_kept or not await hold_owners(session, authorization.account_id, authorization.client_id):
        raise expired()
    await own_registrations.note_use(session, pending.client)
    session_id = authorization.session_id
    if pending.stored is not None and not await authorization_requests.answer(
        session, pending.handle, session_id=session_id, now=now
    ):
        raise AlreadyAnswered
    if pending.request.device is not None:
        ttl = await devices.allow(session, pending.request.device, now=now)
    if not await lock_live(session, session_id, now=now):
        raise LoginRequired("The person has just been signed out.")
    if not await lock_registered(session, set(apis), set(authorization.scope) - set(IDENTITY)):
        raise InvalidTarget("The resource, or a scope of it, has just been removed.")
    if not await _is_agreed_to(session, pending, wanted, authorization.account_id):
        raise ConsentRequired("The person has just withdrawn their consent.")
    await authorization_codes.issue(session, code, authorization, ttl=ttl, now=now)


async def _is_agreed_to(session: AsyncSession, pending: PendingRequest, wanted: Agreement, account_id: str) -> bool:
    """Whether the consent still covers the request. It is locked until the end, so that no grant outlives it."""
    if pending.client.registration.first_party:
        return True
    return covers(await find_agreed(session, account_id, pending.client, lock=True), wanted)


async def send_on(http: Request, pending: PendingRequest, page: str, parts: StepParts, now: datetime) -> Response:
    """Store the request, unless it is stored already, and redirect to a page. A new browser gets its cookie."""
    if pending.stored is None or pending.stored.browser_hash is None:  # it has just arrived
        note_asked(http, pending.request.ui_locales)
    if pending.stored is None:
        browser = parts.browsers.recognize(http)
        async with parts.database.writing() as session:
            await authorization_requests.store(
                session,
                pending.handle,
                replace(pending.request, ui_locales=None),  # the browser has it now; older versions do not know it
                browser=browser,
                client_metadata=document_metadata(pending.client),
                now=now,
            )
    return see_other(page, **{HANDLE: pending.handle})
