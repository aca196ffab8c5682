"""/signup: create an account, and sign in to it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ...accounts import passwords
from ...accounts.accounts import EmailTaken
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, HANDLE, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, find_pending, require_pending
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.names import MAX_LENGTH as NAME_MAX_LENGTH
from ...oauth.names import NotAName, parse_name
from ...oauth.parameters import Parameters
from ...sessions.browser_sessions import BrowserSession
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.known_passwords import Credentials
from ...signing_in.password_sign_in import (
    AccountSuspended,
    EmailNotVerified,
    SignInParts,
    WrongCredentials,
    sign_in,
)
from ...signing_in.password_sign_up import NewAccount, SignUpParts, sign_up
from .after_sign_in import callback_of, facts_of_way, go_back, kept_of, query_back
from .forms import (
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
from .sentences import NO_EMAIL, NOT_A_NAME, SEVERAL_MAILS, TOO_BUSY, length_fault
from .signin_upstream import UpstreamFormParts

PATH = "/signup"
router = APIRouter()


@dataclass(frozen=True)
class SignUpPageParts(UpstreamFormParts, PendingParts, SignUpParts, SignInParts):
    """The parts to show a page about a pending request, and to sign up or in."""


class NotAccepted(Exception):
    """A field is not accepted; the text is for the person."""

    def __init__(self, field: str, text: str, *, status: int = 422) -> None:
        super().__init__(text)
        self.field = field
        self.text = text
        self.status = status


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, SignUpPageParts)
    handle = query_of(request, HANDLE)
    pending = None if handle is None else await require_pending(request, parts, handle, now=now)
    if pending is not None and pending.is_answered:
        return back_to_authorize(pending)
    return await _render(request, parts, pending)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, SignUpPageParts)
    form = await read_page_form(request)
    pending = await find_pending(request, parts, form.get(HANDLE), now=now)
    if not is_ours(request, parts, form):
        return await _render(request, parts, pending, form, NotAccepted("", why_not_ours(request, parts), status=403))
    current = await find_current(request, parts, now, may_slide=False)
    try:
        new = _read(form)
        remember = form.get("remember") is not None
        callback = callback_of(request, parts)
        handle = facts_of_way(pending, callback)["handle"]
        _, started = await sign_up(
            request, parts, now, new, remember=remember, current=current, return_to=callback, handle=handle
        )
    except NotAccepted as refused:
        return await _render(request, parts, pending, form, refused)
    except SecondFactorAsked:
        return on_to_second_factor(pending, kept_of(request, parts))
    except WeakPassword as weak:
        return await _render(request, parts, pending, form, NotAccepted("password", weak.sentence))
    except TooManyAttempts as held:
        mails = NotAccepted("", Sentence(SEVERAL_MAILS, wait=in_words(held.retry_after)), status=429)
        return retry_later(await _render(request, parts, pending, form, mails), held.retry_after)
    except EmailTaken:
        try:
            again = await _sign_in(request, parts, now, new, remember=remember, current=current)
        except SecondFactorAsked:
            return on_to_second_factor(pending, kept_of(request, parts))
        if again is None:
            taken = NotAccepted("email", "There is an account with this email address already. Sign in instead.")
            return await _render(request, parts, pending, form, taken)
        started = again
    except TooBusy:
        busy = NotAccepted("", TOO_BUSY, status=429)
        return retry_later(await _render(request, parts, pending, form, busy), passwords.RETRY_AFTER)
    if started is None:
        return see_other("/verify-email", signed_up="yes", **query_back(pending, callback_of(request, parts)))
    return go_back(request, parts) if pending is None else await go_on(parts, pending, started.id)


async def _sign_in(
    request: Request, parts: SignUpPageParts, now: datetime, new: NewAccount, *, remember: bool, current: Current | None
) -> BrowserSession | None:
    """Sign in instead, if the address and the password are those of an account: the form was sent twice.

    This is a sign-in like any other, with the same budgets for guesses. A refusal of it is not told.

    Raises:
        SecondFactorAsked
    """
    shown = Credentials(new.email, new.password)
    try:
        _, started = await sign_in(request, parts, now, shown, remember=remember, current=current)
    except (WrongCredentials, AccountSuspended, EmailNotVerified, TooManyAttempts, TooBusy):
        return None
    return started


def _read(form: Parameters) -> NewAccount:
    """The data of a new account. Raises NotAccepted for the first field that is wrong."""
    email, password = parse_email(form.get("email") or ""), form.get("password") or ""
    try:
        name = parse_name(form.get("name") or "")
    except NotAName:
        raise NotAccepted("name", NOT_A_NAME) from None
    if not name:
        raise NotAccepted("name", "Please enter your name.")
    if email is None:
        raise NotAccepted("email", NO_EMAIL)
    fault = length_fault(password)
    if fault is not None:
        raise NotAccepted("password", fault)
    return NewAccount(email, name, password)


async def _render(
    request: Request,
    parts: SignUpPageParts,
    pending: PendingRequest | None,
    form: Parameters | None = None,
    refused: NotAccepted | None = None,
) -> Response:
    """The form, with everything that was typed except the password."""
    hinted = pending.request.login_hint if pending else None
    upstreams = await parts.upstreams.cache.offered(now=parts.clock())
    return render_form(
        request,
        parts,
        "signup",
        pending,
        status=refused.status if refused else 200,
        ends_at_client=bool(upstreams),
        error=refused.text if refused else None,
        wrong_field=refused.field if refused else None,
        person_name=((form.get("name") if form else None) or "")[:NAME_MAX_LENGTH],
        email=((form.get("email") if form else hinted) or "")[:MAX_LENGTH],
        remember=form.get("remember") is not None if form else True,
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
        upstreams=upstreams,
        goes_on_to=callback_of(request, parts),
    )
