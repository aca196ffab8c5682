"""/consent: ask the person for consent. Without a request, the page lists earlier consents, to be withdrawn."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ...grants import authorization_requests, consents
from ...http.authorization_response import answer_refusal
from ...http.current_session import Current, SessionParts, find_current
from ...http.pages import ANSWERS, HANDLE, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, require_pending
from ...oauth.consent import to_agree_to
from ...oauth.errors import AccessDenied
from ...oauth.scope import IDENTITY
from ...resources.resources import lock_registered
from ...telemetry.logs import audit
from . import agreed
from .agreed import AgreedParts
from .forms import NOT_OURS, back_to_authorize, is_ours, query_of, read_page_form, render_form
from .sentences import sections_of

PATH = "/consent"
router = APIRouter()


@dataclass(frozen=True)
class ConsentParts(AgreedParts, SessionParts, PendingParts):
    """The parts to show a pending request, or earlier consents, to the person who is signed in."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, ConsentParts)
    handle = query_of(request, HANDLE)
    current = await find_current(request, parts, now, may_slide=False)
    if handle is None:
        return see_other("/signin") if current is None else await agreed.render(request, parts, current)
    pending = await require_pending(request, parts, handle, now=now)
    return back_to_authorize(pending) if current is None else await _render(request, parts, pending, current, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Store a yes and return to /oauth/authorize, or send the client a no. Or withdraw a consent."""
    parts = given(request, ConsentParts)
    form = await read_page_form(request)
    current = await find_current(request, parts, now, may_slide=False)
    if form.get(agreed.WITHDRAW) is not None:
        return see_other("/signin") if current is None else await agreed.withdraw(request, parts, form, current, now)
    pending = await require_pending(request, parts, form.get(HANDLE), now=now)
    if current is None:
        return back_to_authorize(pending)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, pending, current, now, NOT_OURS)
    if form.get("decision") == "allow":
        await _agree(pending, current, parts, now)
        return back_to_authorize(pending)
    return await _decline(request, pending, current, parts)


async def _agree(pending: PendingRequest, current: Current, parts: ConsentParts, now: datetime) -> None:
    account_id, client_id = current.account.id, pending.client.client_id
    resources = await parts.resources.current(now=now)
    agreed_to = to_agree_to(pending.request, resources)
    apis = agreed_to.keys() - {resources.issuer}
    scopes = frozenset[str]().union(*agreed_to.values())
    async with parts.database.writing() as session:
        if not await lock_registered(session, apis, scopes - set(IDENTITY)):
            return  # an API has just been removed, and the authorization endpoint will refuse the request
        await consents.remember(session, account_id, client_id, agreed_to, now=now)
        await authorization_requests.note_consent(session, pending.handle, current.session.id)
    audit("consent_given", account_id=account_id, client_id=client_id, scope=" ".join(sorted(scopes)))


async def _decline(request: Request, pending: PendingRequest, current: Current, parts: ConsentParts) -> Response:
    async with parts.database.writing() as session:
        await authorization_requests.take(session, pending.handle)
    audit("consent_declined", account_id=current.account.id, client_id=pending.client.client_id)
    return answer_refusal(request, pending.request.target, AccessDenied("The person said no."))


async def _render(
    request: Request,
    parts: ConsentParts,
    pending: PendingRequest,
    current: Current,
    now: datetime,
    error: str | None = None,
) -> Response:
    resources = await parts.resources.current(now=now)
    return render_form(
        request,
        parts,
        "consent",
        pending,
        session_id=current.session.id,
        status=403 if error else 200,
        error=error,
        account=current.account,
        sections=sections_of(to_agree_to(pending.request, resources), resources),
    )
