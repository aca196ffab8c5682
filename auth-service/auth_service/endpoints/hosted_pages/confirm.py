"""/confirm: what a mailed link does. Opening the link only shows a form.

A link that signs in works in every browser (confirm_sign_in.py). One that changes the address, or deletes the account
(confirm_deletion.py), works for the person who is signed in.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...accounts.accounts import EmailTaken
from ...http.current_session import Current, find_current
from ...http.pages import ACCOUNT_LINK, ANSWERS, HANDLE, PageRefused, see_other
from ...http.parts import Now, given
from ...mail.kinds import Kind
from ...signing_in.email_change import change_email
from ...signing_in.mailed_links import InvalidLink, find_mailed
from . import confirm_deletion, confirm_sign_in
from .confirm_deletion import ConfirmDeletionParts, require_own
from .confirm_sign_in import ConfirmSignInParts, Shown
from .forms import CALLBACK, is_ours, query_of, read_page_form, render_form, why_not_ours

PATH = "/confirm"
TOKEN = "token"  # noqa: S105 - the name of a query parameter and of a field
router = APIRouter()


@dataclass(frozen=True)
class ConfirmPageParts(ConfirmSignInParts, ConfirmDeletionParts):
    """The parts of all kinds of links."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, ConfirmPageParts)
    token, callback = query_of(request, TOKEN) or "", query_of(request, CALLBACK) or ""
    link = await find_mailed(parts, Kind.SIGN_IN, token, now=now)
    if link is not None:
        shown = Shown(token, _trusted(parts, callback), query_of(request, HANDLE) or "")
        return confirm_sign_in.show(request, parts, link, shown)
    current = await find_current(request, parts, now)
    link = await find_mailed(parts, Kind.DELETE_ACCOUNT, token, now=now)
    if link is not None:
        return confirm_deletion.show(request, parts, link, current, token, _trusted(parts, callback))
    return await _render(request, parts, now, current, token, callback)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, ConfirmPageParts)
    form = await read_page_form(request)
    token, callback = form.get(TOKEN) or "", form.get(CALLBACK) or ""
    link = await find_mailed(parts, Kind.SIGN_IN, token, now=now)
    if link is not None:
        shown = Shown(token, _trusted(parts, callback), form.get(HANDLE) or "")
        try:
            return await confirm_sign_in.submit(request, parts, link, shown, form, now)
        except InvalidLink:
            raise _spent() from None
    current = await find_current(request, parts, now)
    link = await find_mailed(parts, Kind.DELETE_ACCOUNT, token, now=now)
    try:
        if link is not None:
            kept = (token, _trusted(parts, callback))
            return await confirm_deletion.submit(request, parts, link, current, *kept, form, now)
    except InvalidLink:
        raise _spent() from None
    if current is None or not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, now, current, token, callback, why_not_ours(request, parts))
    try:
        await change_email(request, parts, current, token, now)
    except InvalidLink:
        raise _spent() from None
    except EmailTaken:
        raise PageRefused(
            "This address has an account", "Somebody has signed up with it meanwhile. Your address stays as it is."
        ) from None
    callback = _trusted(parts, callback)
    return see_other(callback) if callback else see_other("/account", done="confirmed")


async def _render(
    request: Request,
    parts: ConfirmPageParts,
    now: Now,
    current: Current | None,
    token: str,
    callback: str,
    error: str | None = None,
) -> Response:
    """The form, for the link's own account only: a mail that went to a wrong person must not give the account away."""
    link = await find_mailed(parts, Kind.CHANGE_EMAIL, token, now=now)
    if link is None:
        raise _spent()
    current = require_own(link, current)
    callback = _trusted(parts, callback)
    return render_form(
        request,
        parts,
        "confirm",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        ends_at_client=callback != "",
        error=error,
        account=current.account,
        email=link.email,
        token=token,
        callback=callback,
    )


def _trusted(parts: ConfirmPageParts, callback: str) -> str:
    return callback if parts.trusted_origins.allows_redirect_to(callback) else ""


def _spent() -> PageRefused:
    text = "It was used already, is too old, or is not complete."
    return PageRefused("This link does not work any more", text, links=(ACCOUNT_LINK,))
