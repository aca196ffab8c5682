"""/reset-password: ask for a link by mail, and set a new password by it.

Opening a link changes nothing, so programs that look at the links of mails do no harm; only the form uses it up.
A link that confirms an address sets a password, too: /verify-email leads here who did not choose the present one.
Page, mail and link carry the way back to the application that the person came from (after_sign_in.py).
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...accounts import passwords
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.pages import ACCOUNT_LINK, ANSWERS_WITH_MAIL, HANDLE, Link, PageRefused, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, find_pending
from ...limits.attempts import TooManyAttempts
from ...mail.kinds import Kind
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.email_verification import AddressProofParts, find_before_confirming
from ...signing_in.mailed_links import InvalidLink, find_mailed, request_link
from ...signing_in.password_reset import ResetParts, reset_password
from .after_sign_in import GOES_ON_TO, WayBackParts, callback_of, facts_of_way, query_back, way_left
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
from .sentences import NO_EMAIL, SEVERAL_MAILS, TOO_BUSY, length_fault

PATH = "/reset-password"
TOKEN = "token"  # noqa: S105 - the name of a query parameter and of a field
BY, BY_CONFIRMING = "by", "confirming"  # query parameter and field: the link is one that confirms the address
SENT, DONE = "sent", "done"  # query parameters: what was done
router = APIRouter()


@dataclass(frozen=True)
class ResetPageParts(FormParts, PendingParts, ResetParts, AddressProofParts, WayBackParts):
    """The parts to show the page about a pending request, to post a mail, and to set a password."""


@router.get(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, ResetPageParts)
    _require_mail(parts)
    pending = await find_pending(request, parts, query_of(request, HANDLE), now=now)
    token, callback, done = query_of(request, TOKEN), callback_of(request, parts), query_of(request, DONE)
    if query_of(request, SENT) or done:
        return render_form(request, parts, "reset_done", pending, goes_on_to=callback, is_done=done is not None)
    if token is None:
        return _render_request(request, parts, pending)
    kind = _kind_of(query_of(request, BY))
    if kind is Kind.RESET_PASSWORD and callback:  # an application's own form, which it has asked for
        return await _send_on(parts, callback, token, now)
    return await _render_reset(request, parts, pending, kind, token, now)


@router.post(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, ResetPageParts)
    _require_mail(parts)
    form = await read_page_form(request)
    token, pending = form.get(TOKEN), await find_pending(request, parts, form.get(HANDLE), now=now)
    if token is None:
        return await _ask(request, parts, pending, form, now)
    return await _reset(request, parts, pending, form, token, now)


async def _ask(
    request: Request, parts: ResetPageParts, pending: PendingRequest | None, form: Parameters, now: Now
) -> Response:
    """Post a mail with a link. The answer is the same for every address."""
    email, callback = form.get("email") or "", callback_of(request, parts)
    if not is_ours(request, parts, form):
        return _render_request(request, parts, pending, email, why_not_ours(request, parts), status=403)
    parsed = parse_email(email)
    if parsed is None:
        return _render_request(request, parts, pending, email, NO_EMAIL, status=422)
    try:
        await request_link(request, parts, Kind.RESET_PASSWORD, parsed, now, **facts_of_way(pending, callback))
    except TooManyAttempts as held:
        error = Sentence(SEVERAL_MAILS, wait=in_words(held.retry_after))
        return retry_later(_render_request(request, parts, pending, email, error, status=429), held.retry_after)
    return see_other(PATH, **{SENT: "yes"}, **query_back(pending, callback))


async def _reset(
    request: Request, parts: ResetPageParts, pending: PendingRequest | None, form: Parameters, token: str, now: Now
) -> Response:
    password, kind = form.get("password") or "", _kind_of(form.get(BY))
    if not is_ours(request, parts, form):
        return await _render_reset(request, parts, pending, kind, token, now, why_not_ours(request, parts), status=403)
    error = length_fault(password)
    if error is not None:
        return await _render_reset(request, parts, pending, kind, token, now, error, status=422)
    try:
        await reset_password(request, parts, token, password, now, kind=kind)
    except InvalidLink:
        raise _spent(pending, callback_of(request, parts)) from None
    except WeakPassword as weak:
        return await _render_reset(request, parts, pending, kind, token, now, weak.sentence, status=422)
    except TooBusy:
        response = await _render_reset(request, parts, pending, kind, token, now, TOO_BUSY, status=429)
        return retry_later(response, passwords.RETRY_AFTER)
    return see_other(PATH, **{DONE: "yes"}, **query_back(pending, callback_of(request, parts)))


def _kind_of(by: str | None) -> Kind:
    return Kind.VERIFY_EMAIL if by == BY_CONFIRMING else Kind.RESET_PASSWORD


async def _send_on(parts: ResetPageParts, callback: str, token: str, now: Now) -> Response:
    """Redirect to the application's page, with the token or an error, as the Better Auth protocol does."""
    is_live = await find_mailed(parts, Kind.RESET_PASSWORD, token, now=now) is not None
    added = urlencode({TOKEN: token} if is_live else {"error": "INVALID_TOKEN"})
    target = urlsplit(callback)
    url = urlunsplit(target._replace(query=f"{target.query}&{added}" if target.query else added))
    return RedirectResponse(url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _render_request(
    request: Request,
    parts: ResetPageParts,
    pending: PendingRequest | None,
    email: str = "",
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    return render_form(
        request,
        parts,
        "reset_request",
        pending,
        goes_on_to=callback_of(request, parts),
        status=status,
        error=error,
        wrong_field="email" if error == NO_EMAIL else None,
        email=email[:MAX_LENGTH],
    )


async def _render_reset(
    request: Request,
    parts: ResetPageParts,
    pending: PendingRequest | None,
    kind: Kind,
    token: str,
    now: Now,
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    link = await find_mailed(parts, kind, token, now=now)
    callback = callback_of(request, parts, GOES_ON_TO if query_of(request, TOKEN) else CALLBACK)
    if link is None:
        raise _spent(pending, callback)
    asked = await find_before_confirming(request, parts, link.account_id, now, current=None)
    return render_form(
        request,
        parts,
        "reset_password",
        pending,
        goes_on_to=callback,
        status=status,
        error=error,
        wrong_field="password" if status == 422 else None,
        token=token,
        by=BY_CONFIRMING if kind is Kind.VERIFY_EMAIL else "",
        ends=asked.ends,
        email=link.email,
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
    )


def _spent(pending: PendingRequest | None, callback: str) -> PageRefused:
    way = way_left(pending, callback)
    text = "It was used already, is older than an hour, or is not complete. Ask for a new one."
    links = (Link("reset-link", f"{PATH}?{urlencode(way)}" if way else PATH, "Ask for a new link"), ACCOUNT_LINK)
    return PageRefused("This link does not work any more", text, links=links)


def _require_mail(parts: ResetPageParts) -> None:
    if not parts.outbox.is_on:
        raise PageRefused(
            "Passwords cannot be reset here", "No mail is sent from this site. Ask its operator for help.", status=404
        )
