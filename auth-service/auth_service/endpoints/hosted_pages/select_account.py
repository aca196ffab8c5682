"""/select-account: go on with who is signed in, or with another account (prompt=select_account, login_hint)."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...grants import authorization_requests
from ...http.current_session import SessionParts, find_current
from ...http.pages import ANSWERS, HANDLE
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, require_pending
from .forms import FormParts, back_to_authorize, is_ours, query_of, read_page_form, render_form

PATH = "/select-account"
router = APIRouter()


@dataclass(frozen=True)
class SelectAccountParts(FormParts, SessionParts, PendingParts):
    """The parts to show a page about a pending request to the person who is signed in."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, SelectAccountParts)
    pending = await require_pending(request, parts, query_of(request, HANDLE), now=now)
    current = await find_current(request, parts, now, may_slide=False)
    if current is None or pending.is_answered:
        return back_to_authorize(pending)
    return render_form(
        request,
        parts,
        "select_account",
        pending,
        session_id=current.session.id,
        account=current.account,
        hinted=pending.find_other_hint(current.account.email),
    )


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Note the selection. A form of another session changes nothing, and /oauth/authorize asks again."""
    parts = given(request, SelectAccountParts)
    form = await read_page_form(request)
    pending = await require_pending(request, parts, form.get(HANDLE), now=now)
    current = await find_current(request, parts, now, may_slide=False)
    if current is not None and is_ours(request, parts, form, current.session.id):
        async with parts.database.writing() as session:
            await authorization_requests.note_selection(session, pending.handle, current.session.id)
    return back_to_authorize(pending)
