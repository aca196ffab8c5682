"""/confirm with a link to sign in: opening it shows a form, and the form signs in."""

from dataclasses import dataclass

from fastapi import Request, Response

from ...http.current_session import find_current
from ...http.pages import see_other
from ...http.parts import Now
from ...http.pending_requests import PendingParts, find_pending
from ...mail.links import MailedLink
from ...oauth.parameters import Parameters
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.link_sign_in import sign_in_by_link
from ...signing_in.mail_sign_in import MailSignInParts
from .after_sign_in import WayBackParts, query_back
from .forms import FormParts, go_on, is_ours, on_to_second_factor, render_form, why_not_ours


@dataclass(frozen=True)
class ConfirmSignInParts(FormParts, PendingParts, MailSignInParts, WayBackParts):
    """The parts to show the form, to sign in, and to go on with a pending request."""


@dataclass(frozen=True)
class Shown:
    """What the link, or the form, carries."""

    token: str
    callback: str  # the application's page; "": ours
    handle: str  # of the authorization request; it counts in its own browser only


def show(
    request: Request, parts: ConfirmSignInParts, link: MailedLink, shown: Shown, error: str | None = None
) -> Response:
    return render_form(
        request,
        parts,
        "confirm_sign_in",
        None,
        status=403 if error else 200,
        ends_at_client=True,
        error=error,
        email=link.email,
        token=shown.token,
        callback=shown.callback,
        request_handle=shown.handle,
    )


async def submit(
    request: Request, parts: ConfirmSignInParts, link: MailedLink, shown: Shown, form: Parameters, now: Now
) -> Response:
    """Sign in, and go on where the person came from. Raises InvalidLink."""
    if not is_ours(request, parts, form):
        return show(request, parts, link, shown, why_not_ours(request, parts))
    pending = await find_pending(request, parts, shown.handle or None, now=now)
    current = await find_current(request, parts, now)
    try:
        _, started = await sign_in_by_link(request, parts, shown.token, now, current=current)
    except SecondFactorAsked:
        return on_to_second_factor(pending, query_back(pending, shown.callback))
    if pending is not None and not pending.is_answered:
        return await go_on(parts, pending, started.id)
    return see_other(shown.callback) if shown.callback else see_other("/signin")
