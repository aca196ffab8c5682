"""/signin: the sign-in form. Without a pending request, it shows a signed-in person their account instead."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...accounts import passwords
from ...accounts.accounts import find_password_hash
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, HANDLE
from ...http.parts import Now, given
from ...http.pending_requests import PendingRequest, find_pending, require_pending
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...sessions.browser_sessions import BrowserSession
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.known_passwords import Credentials
from ...signing_in.passkey_sign_in import PasskeySignInParts
from ...signing_in.password_sign_in import (
    AccountSuspended,
    EmailNotVerified,
    SignInParts,
    WrongCredentials,
    sign_in,
)
from . import signed_in, signin_code, signin_link, signin_passkey, signin_upstream
from .after_sign_in import CONFIRM, TO_ACCOUNT, callback_of, go_back, go_to, kept_of
from .forms import (
    AGAIN,
    back_to_authorize,
    go_on,
    in_words,
    is_ours,
    on_to_second_factor,
    query_of,
    read_page_form,
    render_form,
    retry_later,
    why_not_ours,
)
from .offers import Offer, find_offer
from .sentences import SUSPENDED, TOO_BUSY, TOO_MANY_ATTEMPTS, UNVERIFIED
from .signin_code import CodePageParts
from .signin_passkey import PasskeyRefused
from .signin_upstream import UpstreamFormParts, UpstreamRefused

PATH = "/signin"
USE_ANOTHER = "use_another"  # query parameter: do not offer the account that is signed in
USE_CURRENT = "use_current"  # query parameter: offer it, although the client hints at another one
TOO_LATE = "There was no valid code in time. Please enter your password again."
CODE_ENDED = "This code is not valid any more. Please ask for another mail."
WRONG = "The email address or the password is wrong."
router = APIRouter()


@dataclass(frozen=True)
class SignInPageParts(CodePageParts, SignInParts, PasskeySignInParts, UpstreamFormParts):
    """The parts to show a page about a pending request, and to sign in."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, SignInPageParts)
    handle = query_of(request, HANDLE)
    pending = None if handle is None else await require_pending(request, parts, handle, now=now)
    if pending is not None and pending.is_answered:
        return back_to_authorize(pending)
    current = await find_current(request, parts, now)
    to_account = query_of(request, TO_ACCOUNT)
    is_done = pending is None and query_of(request, CONFIRM) is None
    if current is not None and is_done:
        return signed_in.render(request, parts, current) if to_account is None else go_to(to_account)
    by = query_of(request, signin_link.BY)
    if by == signin_link.SENT and parts.outbox.is_on:
        return signin_code.show(request, parts, pending)
    if by == signin_link.MAIL and parts.outbox.is_on:
        ended = CODE_ENDED if query_of(request, signin_code.ENDED) is not None else None
        return signin_link.show(request, parts, pending, error=ended)
    wants_another = query_of(request, USE_ANOTHER) is not None
    error = TOO_LATE if query_of(request, AGAIN) else await signin_upstream.find_problem(request, parts, now)
    return await _render(request, parts, pending, None if wants_another else current, error=error)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Sign in by the same function as the Better Auth protocol. A refusal becomes a text in the form."""
    parts = given(request, SignInPageParts)
    form = await read_page_form(request)
    pending = await find_pending(request, parts, form.get(HANDLE), now=now)
    if form.get(signin_link.BY) == signin_link.MAIL and parts.outbox.is_on:
        return await signin_link.submit(request, parts, pending, form, now)
    if form.get(signin_link.BY) == signin_code.CODE and parts.outbox.is_on:
        return await signin_code.submit(request, parts, pending, form, now)
    current = await find_current(request, parts, now)
    if not is_ours(request, parts, form):
        return await _render(request, parts, pending, current, form, why_not_ours(request, parts), status=403)
    if form.get(signin_upstream.FIELD) is not None:
        try:
            return await signin_upstream.submit(request, parts, pending, form, current, now)
        except UpstreamRefused as refused:
            page = await _render(request, parts, pending, current, None, refused.text, status=refused.status)
            return page if refused.retry_after is None else retry_later(page, refused.retry_after)
    if form.get(signin_passkey.FIELD) is not None:
        try:
            started = await signin_passkey.submit(request, parts, form, current, now)
        except PasskeyRefused as refused:
            return await _render(
                request, parts, pending, current, None, refused.text, status=403, unknown_passkey=refused.unknown
            )
        return await _after(request, parts, pending, started)
    email, password = parse_email(form.get("email") or ""), form.get("password") or ""
    if email is None or not password or passwords.utf16_length(password) > passwords.MAX_LENGTH:
        return await _render(request, parts, pending, current, form, WRONG, status=403)
    shown = Credentials(email, password)
    remember = form.get("remember") is not None
    try:
        _, started = await sign_in(request, parts, now, shown, remember=remember, current=current)
    except SecondFactorAsked:
        return on_to_second_factor(pending, kept_of(request, parts))
    except WrongCredentials:
        return await _render(request, parts, pending, current, form, WRONG, status=403)
    except AccountSuspended:
        return await _render(request, parts, pending, current, form, SUSPENDED, status=403)
    except EmailNotVerified:
        return await _render(request, parts, pending, current, form, UNVERIFIED, status=403, unverified=email)
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await _render(request, parts, pending, current, form, error, status=429), held.retry_after)
    except TooBusy:
        return retry_later(
            await _render(request, parts, pending, current, form, TOO_BUSY, status=429), passwords.RETRY_AFTER
        )
    return await _after(request, parts, pending, started)


async def _after(
    request: Request, parts: SignInPageParts, pending: PendingRequest | None, started: BrowserSession
) -> Response:
    """Back to the application, or to the page that the person came from."""
    return go_back(request, parts) if pending is None else await go_on(parts, pending, started.id)


async def _render(
    request: Request,
    parts: SignInPageParts,
    pending: PendingRequest | None,
    current: Current | None,
    form: Parameters | None = None,
    error: str | None = None,
    *,
    status: int = 200,
    unverified: str = "",
    unknown_passkey: str = "",
) -> Response:
    """The form, with everything that was typed except the password. Before that, an account is offered (offers.py)."""
    offer = await find_offer(request, parts, pending, current)
    if current is not None and query_of(request, USE_CURRENT) is not None and not offer.is_required:
        offer = Offer(current.account.email)
    confirms = current is not None and form is None and offer.email == current.account.email
    upstreams, stay_token = await parts.upstreams.cache.offered(now=parts.clock()), None
    if offer.is_required and current is not None:  # of the form that keeps the account; select_account.py takes it
        stay_token = parts.browsers.form_token(parts.browsers.recognize(request), current.session.id)
    return render_form(
        request,
        parts,
        "signin",
        pending,
        status=status,
        ends_at_client=bool(upstreams),
        error=error,
        wrong_field="password" if error == WRONG else None,
        email=((form.get("email") if form else offer.email) or "")[:MAX_LENGTH],
        offer=offer,
        stay_token=stay_token,
        remember=form.get("remember") is not None if form else True,
        confirms=confirms,
        has_mail=parts.outbox.is_on,
        unverified=unverified,
        unknown_passkey=unknown_passkey,
        upstreams=upstreams,
        has_script=parts.passkey_checks.is_on,
        goes_on_to=callback_of(request, parts),
        kept=kept_of(request, parts),
        has_password=not confirms or current is None or await _has_password(parts, current),
    )


async def _has_password(parts: SignInPageParts, current: Current) -> bool:
    async with parts.database.reading() as session:
        return await find_password_hash(session, current.account.id) is not None
