"""/signin?by=mail: ask for a mail that signs in. Its link leads to /confirm, its code is entered at signin_code.py."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...http.pages import HANDLE, see_other
from ...http.pending_requests import PendingRequest
from ...limits.attempts import AttemptLimiter, TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.code_sign_in import request_code
from ...signing_in.mail_sign_in import MailSignInParts
from .after_sign_in import WayBackParts, callback_of, kept_of
from .forms import FormParts, in_words, is_ours, render_form, retry_later, why_not_ours
from .sentences import NO_EMAIL, SEVERAL_MAILS

BY, MAIL, SENT = "by", "mail", "sent"  # query parameter and field, and its values


@dataclass(frozen=True)
class LinkPageParts(FormParts, MailSignInParts, WayBackParts):
    """The parts to show the form, to post a mail, and to sign in by its code."""

    attempts: AttemptLimiter


def show(
    request: Request,
    parts: LinkPageParts,
    pending: PendingRequest | None,
    email: str = "",
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    return render_form(
        request,
        parts,
        "signin_link",
        pending,
        status=status,
        error=error,
        wrong_field="email" if error == NO_EMAIL else None,
        email=email[:MAX_LENGTH],
        goes_on_to=callback_of(request, parts),
        kept=kept_of(request, parts),
    )


async def submit(
    request: Request, parts: LinkPageParts, pending: PendingRequest | None, form: Parameters, now: datetime
) -> Response:
    """Post a mail with a link and a code. The answer is the same for every address."""
    typed, handle = form.get("email") or "", pending.handle if pending else ""
    browser = parts.browsers.read(request)
    if browser is None or not is_ours(request, parts, form):
        return show(request, parts, pending, typed, why_not_ours(request, parts), status=403)
    email = parse_email(typed)
    if email is None:
        return show(request, parts, pending, typed, NO_EMAIL, status=422)
    try:
        await request_code(request, parts, browser, email, now, handle=handle, return_to=callback_of(request, parts))
    except TooManyAttempts as held:
        error = Sentence(SEVERAL_MAILS, wait=in_words(held.retry_after))
        return retry_later(show(request, parts, pending, typed, error, status=429), held.retry_after)
    return see_other("/signin", **{BY: SENT}, **({HANDLE: handle} if handle else {}), **kept_of(request, parts))
