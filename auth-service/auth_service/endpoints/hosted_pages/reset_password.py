"""/reset-password: ask for a link by mail, and set a new password by it.

Opening a link changes nothing, so programs that look at the links of mails do no harm; only the form uses it up.
A link that confirms an address sets a password, too: /verify-email leads here who did not choose the present one.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ...accounts import passwords
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.pages import ACCOUNT_LINK, ANSWERS_WITH_MAIL, Link, PageRefused, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...mail.kinds import Kind
from ...mail.languages.sentences import Sentence
from ...network.trusted_origins import TrustedOrigins
from ...oauth.parameters import Parameters
from ...signing_in.email_verification import AddressProofParts, find_asked
from ...signing_in.mailed_links import InvalidLink, find_mailed, request_link
from ...signing_in.password_reset import ResetParts, reset_password
from .forms import FormParts, in_words, is_ours, query_of, read_page_form, render_form, retry_later, why_not_ours
from .sentences import NO_EMAIL, SEVERAL_MAILS, TOO_BUSY, length_fault

PATH = "/reset-password"
TOKEN = "token"  # noqa: S105 - the name of a query parameter and of a field
CALLBACK = "callbackURL"  # query parameter of a link that an application asked for: its own page
BY, BY_CONFIRMING = "by", "confirming"  # query parameter and field: the link is one that confirms the address
SENT, DONE = "sent", "done"  # query parameters: what was done
router = APIRouter()


@dataclass(frozen=True)
class ResetPageParts(FormParts, ResetParts, AddressProofParts):
    trusted_origins: TrustedOrigins


@router.get(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, ResetPageParts)
    _require_mail(parts)
    if query_of(request, SENT) or query_of(request, DONE):
        return render_form(request, parts, "reset_done", None, is_done=query_of(request, DONE) is not None)
    token = query_of(request, TOKEN)
    if token is None:
        return _render_request(request, parts)
    kind, callback = _kind_of(query_of(request, BY)), query_of(request, CALLBACK)
    if kind is Kind.RESET_PASSWORD and callback is not None and parts.trusted_origins.allows_redirect_to(callback):
        return await _send_on(parts, callback, token, now)
    return await _render_reset(request, parts, kind, token, now)


@router.post(PATH, response_class=Response, responses=ANSWERS_WITH_MAIL)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, ResetPageParts)
    _require_mail(parts)
    form = await read_page_form(request)
    token = form.get(TOKEN)
    return await _ask(request, parts, form, now) if token is None else await _reset(request, parts, form, token, now)


async def _ask(request: Request, parts: ResetPageParts, form: Parameters, now: Now) -> Response:
    """Post a mail with a link. The answer is the same for every address."""
    email = form.get("email") or ""
    if not is_ours(request, parts, form):
        return _render_request(request, parts, email, why_not_ours(request, parts), status=403)
    parsed = parse_email(email)
    if parsed is None:
        return _render_request(request, parts, email, NO_EMAIL, status=422)
    try:
        await request_link(request, parts, Kind.RESET_PASSWORD, parsed, now)
    except TooManyAttempts as held:
        error = Sentence(SEVERAL_MAILS, wait=in_words(held.retry_after))
        return retry_later(_render_request(request, parts, email, error, status=429), held.retry_after)
    return see_other(PATH, **{SENT: "yes"})


async def _reset(request: Request, parts: ResetPageParts, form: Parameters, token: str, now: Now) -> Response:
    password, kind = form.get("password") or "", _kind_of(form.get(BY))
    if not is_ours(request, parts, form):
        return await _render_reset(request, parts, kind, token, now, why_not_ours(request, parts), status=403)
    error = length_fault(password)
    if error is not None:
        return await _render_reset(request, parts, kind, token, now, error, status=422)
    try:
        await reset_password(request, parts, token, password, now, kind=kind)
    except InvalidLink:
        raise _spent() from None
    except WeakPassword as weak:
        return await _render_reset(request, parts, kind, token, now, weak.sentence, status=422)
    except TooBusy:
        response = await _render_reset(request, parts, kind, token, now, TOO_BUSY, status=429)
        return retry_later(response, passwords.RETRY_AFTER)
    return see_other(PATH, **{DONE: "yes"})


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
    request: Request, parts: ResetPageParts, email: str = "", error: str | None = None, *, status: int = 200
) -> Response:
    return render_form(
        request,
        parts,
        "reset_request",
        None,
        status=status,
        error=error,
        wrong_field="email" if error == NO_EMAIL else None,
        email=email[:MAX_LENGTH],
    )


async def _render_reset(
    request: Request,
    parts: ResetPageParts,
    kind: Kind,
    token: str,
    now: Now,
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    link = await find_mailed(parts, kind, token, now=now)
    if link is None:
        raise _spent()
    asked = await find_asked(request, parts, link.account_id, now, current=None)
    return render_form(
        request,
        parts,
        "reset_password",
        None,
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


def _spent() -> PageRefused:
    text = "It was used already, is older than an hour, or is not complete. Ask for a new one."
    links = (Link("reset-link", PATH, "Ask for a new link"), ACCOUNT_LINK)
    return PageRefused("This link does not work any more", text, links=links)


def _require_mail(parts: ResetPageParts) -> None:
    if not parts.outbox.is_on:
        raise PageRefused(
            "Passwords cannot be reset here", "No mail is sent from this site. Ask its operator for help.", status=404
        )
