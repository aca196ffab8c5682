"""/consent: ask the person for consent. Without a request, the page lists earlier consents, to be withdrawn."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients import own_registrations
from ...clients.document_clients import find_agreed, keep
from ...grants import authorization_requests, consents, device_codes
from ...http.authorization_response import answer_refusal
from ...http.current_session import Current, SessionParts, find_current
from ...http.pages import ANSWERS, HANDLE, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, expired, require_pending
from ...oauth.consent import Agreement, covers, to_agree_to
from ...oauth.errors import AccessDenied
from ...oauth.scope import IDENTITY
from ...resources.resources import lock_registered
from ...tokens.holders import hold_owners
from . import agreed
from .agreed import AgreedParts
from .forms import back_to_authorize, is_ours, query_of, read_page_form, render_form, why_not_ours
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
    if current is None or pending.is_answered:
        return back_to_authorize(pending)
    return await _render(request, parts, pending, current, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Store a yes and return to /oauth/authorize, or send the client a no. Or withdraw a consent.

    The first answer stands: a form that is sent again, or with the other button, changes nothing.
    """
    parts = given(request, ConsentParts)
    form = await read_page_form(request)
    current = await find_current(request, parts, now, may_slide=False)
    if form.get(agreed.WITHDRAW) is not None:
        return see_other("/signin") if current is None else await agreed.withdraw(request, parts, form, current, now)
    pending = await require_pending(request, parts, form.get(HANDLE), now=now)
    if current is None or pending.is_answered:
        return back_to_authorize(pending)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, pending, current, now, why_not_ours(request, parts))
    if form.get("decision") == "allow":
        resources = await parts.resources.current(now=now)
        agreed_to = to_agree_to(pending.request, resources)
        apis = agreed_to.keys() - {resources.issuer}
        await parts.database.transact(_agree, pending, current, agreed_to, apis, now)
        return back_to_authorize(pending)
    return await _decline(request, pending, current, parts, now)


async def _agree(
    session: AsyncSession,
    pending: PendingRequest,
    current: Current,
    agreed_to: Agreement,
    apis: Collection[str],
    now: datetime,
) -> bool:
    """Remember the yes. False if a no was first, or an API has just been removed: then /oauth/authorize refuses."""
    account_id, client_id = current.account.id, pending.client.client_id
    is_kept = await keep(session, pending.client, now=now)
    if not is_kept or not await hold_owners(session, account_id, client_id):
        raise expired()
    await own_registrations.note_use(session, pending.client)
    if not await authorization_requests.note_consent(session, pending.handle, current.session.id):
        return False
    scopes = frozenset[str]().union(*agreed_to.values())
    if not await lock_registered(session, set(apis), scopes - set(IDENTITY)):
        return False
    await consents.remember(session, account_id, client_id, agreed_to, now=now)
    scope = " ".join(sorted(scopes))
    await record(session, "consent_given", now=now, account_id=account_id, client_id=client_id, scope=scope)
    return True


async def _decline(
    request: Request, pending: PendingRequest, current: Current, parts: ConsentParts, now: datetime
) -> Response:
    denied = AccessDenied("The person said no.")
    agreed_to = to_agree_to(pending.request, await parts.resources.current(now=now))
    async with parts.database.writing() as session:
        if not await _refuse(session, pending, current, agreed_to, denied, now):
            return back_to_authorize(pending)
        if pending.request.device is not None:
            await device_codes.answer(session, pending.request.device.code_hash, is_allowed=False, now=now)
        account_id, client_id = current.account.id, pending.client.client_id
        await record(session, "consent_declined", now=now, account_id=account_id, client_id=client_id)
    return answer_refusal(request, pending.request.target, denied)


async def _refuse(
    session: AsyncSession,
    pending: PendingRequest,
    current: Current,
    agreed_to: Agreement,
    denied: AccessDenied,
    now: datetime,
) -> bool:
    """Record the no. False if a yes or another answer was first. A yes that was withdrawn since does not stand."""
    refuse = partial(
        authorization_requests.refuse, session, pending.handle, denied, session_id=current.session.id, now=now
    )
    if await refuse(unless_consented=True):
        return True
    allowed = await find_agreed(session, current.account.id, pending.client)
    return not covers(allowed, agreed_to) and await refuse()


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
