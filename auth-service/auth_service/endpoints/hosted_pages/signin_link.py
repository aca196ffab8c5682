"""/signin?by=mail: ask for a link that signs in. It leads to /confirm."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...http.pages import HANDLE, see_other
from ...http.pending_requests import PendingRequest
from ...limits.attempts import TooManyAttempts
from ...mail.kinds import Kind
from ...oauth.parameters import Parameters
from ...signing_in.mailed_links import MailParts, request_link
from .forms import FormParts, in_words, is_ours, render_form, retry_later, why_not_ours
from .sentences import NO_EMAIL

BY, MAIL, SENT = "by", "mail", "sent"  # query parameter and field, and its values


@dataclass(frozen=True)
class LinkPageParts(FormParts, MailParts):
    """The parts to show the form and to post a mail."""


def show(
    request: Request,
    parts: LinkPageParts,
    pending: PendingRequest | None,
    email: str = "",
    error: str | None = None,
    *,
    is_sent: bool = False,
    status: int = 200,
) -> Response:
    return render_form(
        request,
        parts,
        "signin_link",
        pending,
        status=status,
        error=error,
        email=email[:MAX_LENGTH],
        is_sent=is_sent,
    )


async def submit(
    request: Request, parts: LinkPageParts, pending: PendingRequest | None, form: Parameters, now: datetime
) -> Response:
    """Post a mail with a link. The answer is the same for every address."""
    typed, handle = form.get("email") or "", pending.handle if pending else ""
    if not is_ours(request, parts, form):
        return show(request, parts, pending, typed, why_not_ours(request, parts), status=403)
    email = parse_email(typed)
    if email is None:
        return show(request, parts, pending, typed, NO_EMAIL, status=422)
    try:
        await request_link(request, parts, Kind.SIGN_IN, email, now, handle=handle)
    except TooManyAttempts as held:
        error = f"Several mails were sent already. Please look for them, or wait {in_words(held.retry_after)}."
        return retry_later(show(request, parts, pending, typed, error, status=429), held.retry_after)
    return see_other("/signin", **{BY: SENT}, **({HANDLE: handle} if handle else {}))
