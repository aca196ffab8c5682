"""The next step of an authorization request: a page, a code or a refusal."""

from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request, Response

from ...clients.document_clients import document_metadata
from ...grants import authorization_requests
from ...http.authorization_response import answer_code
from ...http.current_session import Current, find_current
from ...http.languages import note_asked
from ...http.pages import HANDLE, see_other
from ...http.pending_requests import PendingRequest, expired
from ...oauth import interaction
from ...oauth.authentication_context import acr_of
from ...oauth.consent import may_be_remembered
from ...oauth.errors import OAuthError
from ...oauth.interaction import Person, Progress, Step
from .answers import AlreadyAnswered, answer_again, bind, refuse
from .issuing import IssueParts, NotAgreed, issue
from .needed_factors import NeededFactorParts, has_second_factor, needs_second_factor

PAGES = {
    Step.SIGN_IN: "/signin",
    Step.SECOND_FACTOR: "/second-factor",
    Step.SELECT_ACCOUNT: "/select-account",
    Step.CONSENT: "/consent",
}


@dataclass(frozen=True)
class StepParts(IssueParts, NeededFactorParts):
    issuer: str


async def proceed(http: Request, pending: PendingRequest, parts: StepParts, now: datetime) -> Response:
    """Redirect the browser to the next page, or send the client its answer."""
    current = await find_current(http, parts, now)
    try:
        return await _decide(http, pending, current, parts, now)
    except OAuthError as refusal:
        return await refuse(http, pending, current, refusal, parts, now)
    except AlreadyAnswered:
        if pending.is_unbound and parts.browsers.read(http) is None:  # another browser was first, as far as we can tell
            raise expired() from None
        return await answer_again(http, pending.handle, parts, now)


async def _decide(
    http: Request, pending: PendingRequest, current: Current | None, parts: StepParts, now: datetime
) -> Response:
    progress, person = _progress(pending, current), None
    if current is not None:
        is_hinted = pending.find_other_hint(current.account.email) is None
        person = Person(
            current.account.id,
            current.session.authenticated_at,
            is_hinted,
            acr=acr_of(current.session.methods),
            has_second_factor=await has_second_factor(pending, current, parts),
            needs_second_factor=await needs_second_factor(pending, current, parts, now),
        )
    step = interaction.decide(pending.request, person, progress, issuer=parts.issuer, now=now)
    if step is Step.DONE and current is not None:
        try:
            return answer_code(http, pending.request.target, await issue(pending, current, parts, now))
        except NotAgreed:
            uncovered = replace(progress, is_covered=False)
            step = interaction.decide(pending.request, person, uncovered, issuer=parts.issuer, now=now)
    return await send_on(http, pending, PAGES[step], parts, now)


def _progress(pending: PendingRequest, current: Current | None) -> Progress:
    """The progress, if an earlier consent covers the request. `issue` looks: it has to lock the consent anyway."""
    stored = pending.stored
    if current is None:
        return Progress()
    has_signed_in = stored is not None and stored.signed_in_session_id == current.session.id
    is_new = has_signed_in and stored is not None and bool(stored.is_sign_in_new)
    has_selected = stored is not None and stored.selected_session_id == current.session.id
    counts_again = may_be_remembered(pending.request, pending.client.registration)
    if pending.client.registration.first_party and counts_again:  # our own client: nobody is asked for consent
        return Progress(has_signed_in, is_new, has_selected, has_consented=True, is_covered=True)
    has_consented = stored is not None and stored.consented_session_id == current.session.id
    is_covered = has_consented or counts_again
    return Progress(has_signed_in, is_new, has_selected, has_consented=has_consented, is_covered=is_covered)


async def send_on(http: Request, pending: PendingRequest, page: str, parts: StepParts, now: datetime) -> Response:
    """Store the request, unless it is stored already, and redirect to a page. A new browser gets its cookie."""
    await bind(pending, parts, now)
    if pending.stored is None or pending.is_unbound:  # it has just arrived
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
