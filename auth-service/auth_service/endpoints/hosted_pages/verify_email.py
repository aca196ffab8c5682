"""/verify-email: ask for a link by mail, and confirm the address by it. Opening a link confirms nothing.

A browser that has not signed in to the account is asked for its password, or leads to /reset-password with the link.
"""

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from ...accounts import passwords
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...http.current_session import find_current
from ...http.pages import ACCOUNT_LINK, ANSWERS_WITH_MAIL, HANDLE, Link, PageRefused, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, find_pending
from ...limits.attempts import TooManyAttempts
from ...mail.kinds import Kind
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.email_verification import (
    NOTHING,
    AddressProofParts,
    BeforeConfirming,
    find_before_confirming,
    verify_email,
)
from ...signing_in.guessing import WrongPassword
from ...signing_in.mailed_links import InvalidLink, find_mailed, request_link
from .after_sign_in import WayBackParts, address_of, callback_of, way_left
from .forms import (
    CALLBACK,
    FormParts,
    in_words,
    is_ours,
    query_of,
    read_page_form,
    render_form,
    retry_later,
    why_not_ours,
)
from .reset_password import BY, BY_CONFIRMING
from .reset_password import PATH as RESET
from .sentences import NO_EMAIL, SEVERAL_MAILS, TOO_BUSY, TOO_MANY_ATTEMPTS

PATH = "/verify-email"
TOKEN = "token"  # noqa: S105 - the name of a query parameter and of a field
ENDED = "ended"  # value of `done`: something that may be somebody else's has ended
NOT_THIS = "This is not the password of the account. If somebody else has chosen it, set a new one."
router = APIRouter()


@dataclass(frozen=True)
class VerifyPageParts(FormParts, PendingParts, AddressProofParts, WayBackParts):
    """The parts to show the page, to post a mail, and to confirm an address."""


@router.get(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, VerifyPageParts)
    _require_mail(parts)
    pending = await find_pending(request, parts, query_of(request, HANDLE), now=now)
    for state in ("sent", "done", "signed_up"):
        if query_of(request, state):
            asked = BeforeConfirming(ends=query_of(request, state) == ENDED)
            return _render(request, parts, state, pending, asked=asked)
    token = query_of(request, TOKEN)
    if token is not None:
        return await _render_confirm(request, parts, pending, now, token, callback_of(request, parts))
    current = await find_current(request, parts, now)
    return _render(request, parts, "ask", email=current.account.email if current else "")


@router.post(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, VerifyPageParts)
    _require_mail(parts)
    form = await read_page_form(request)
    token = form.get(TOKEN)
    return await _ask(request, parts, form, now) if token is None else await _confirm(request, parts, form, token, now)


async def _ask(request: Request, parts: VerifyPageParts, form: Parameters, now: Now) -> Response:
    """Post a mail with a link. The answer is the same for every address."""
    email = (form.get("email") or "")[: MAX_LENGTH + 1]
    if not is_ours(request, parts, form):
        return _render(request, parts, "ask", email=email, error=why_not_ours(request, parts), status=403)
    parsed = parse_email(email)
    if parsed is None:
        return _render(request, parts, "ask", email=email, error=NO_EMAIL, status=422)
    try:
        await request_link(request, parts, Kind.VERIFY_EMAIL, parsed, now)
    except TooManyAttempts as held:
        error = Sentence(SEVERAL_MAILS, wait=in_words(held.retry_after))
        return retry_later(_render(request, parts, "ask", email=email, error=error, status=429), held.retry_after)
    return see_other(PATH, sent="yes")


async def _confirm(request: Request, parts: VerifyPageParts, form: Parameters, token: str, now: Now) -> Response:
    callback = form.get(CALLBACK) or ""
    callback = callback if parts.trusted_origins.allows_redirect_to(callback) else ""
    pending = await find_pending(request, parts, form.get(HANDLE), now=now)
    again = partial(_render_confirm, request, parts, pending, now, token, callback)
    if not is_ours(request, parts, form):
        return await again(error=why_not_ours(request, parts), status=403)
    try:
        current = await find_current(request, parts, now)
        ended = await verify_email(request, parts, token, form.get("password") or "", now, current=current)
    except InvalidLink:
        raise _spent(pending, callback) from None
    except WrongPassword:
        return await again(error=NOT_THIS, status=403)
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await again(error=error, status=429), held.retry_after)
    except TooBusy:
        return retry_later(await again(error=TOO_BUSY, status=429), passwords.RETRY_AFTER)
    way = way_left(pending, callback)
    if ended.is_something:  # the page says so, also to an application's person
        return see_other(PATH, done=ENDED, **way)
    return see_other(callback) if callback else see_other(PATH, done="yes", **way)


async def _render_confirm(
    request: Request,
    parts: VerifyPageParts,
    pending: PendingRequest | None,
    now: Now,
    token: str,
    callback: str,
    *,
    error: str | None = None,
    status: int = 200,
) -> Response:
    link = await find_mailed(parts, Kind.VERIFY_EMAIL, token, now=now)
    if link is None:
        raise _spent(pending, callback)
    current = await find_current(request, parts, now)
    asked = await find_before_confirming(request, parts, link.account_id, now, current=current)
    shown = {"email": link.email, "token": token, "callback": callback}
    return _render(request, parts, "confirm", pending, **shown, asked=asked, error=error, status=status)


def _render(
    request: Request,
    parts: VerifyPageParts,
    state: str,
    pending: PendingRequest | None = None,
    *,
    email: str = "",
    token: str = "",
    callback: str = "",
    asked: BeforeConfirming = NOTHING,
    error: str | None = None,
    status: int = 200,
) -> Response:
    fields, back = {NO_EMAIL: "email", NOT_THIS: "password"}, way_left(pending, callback_of(request, parts))
    return render_form(
        request,
        parts,
        "verify_email",
        pending,
        status=status,
        ends_at_client=callback != "",
        state=state,
        error=error,
        wrong_field=fields.get(error or ""),
        email=email[:MAX_LENGTH],
        token=token,
        callback=callback,
        asked=asked,
        reset_url=f"{RESET}?{urlencode({TOKEN: token, BY: BY_CONFIRMING})}",
        signin_url=address_of(back),
    )


def _spent(pending: PendingRequest | None, callback: str) -> PageRefused:
    way = way_left(pending, callback)
    on = Link("signin-link", address_of(way), "Sign in") if way else ACCOUNT_LINK
    text = (
        "It was used already, is older than a day, or is not complete. If you have confirmed the address, all is well."
    )
    return PageRefused(
        "This link does not work any more", text, links=(Link("verify-link", PATH, "Ask for a new link"), on)
    )


def _require_mail(parts: VerifyPageParts) -> None:
    if not parts.outbox.is_on:
        raise PageRefused(
            "Addresses are not confirmed here", "No mail is sent from this site. Ask its operator for help.", status=404
        )
