"""/confirm with a link to delete the account: opening it shows a form, and the form deletes."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...http.current_session import Current
from ...http.pages import Link, PageRefused, see_other
from ...mail.links import MailedLink
from ...oauth.parameters import Parameters
from ...signing_in.account_deletion import DeletionParts, delete_by_link
from .forms import FormParts, is_ours, render_form, why_not_ours


@dataclass(frozen=True)
class ConfirmDeletionParts(FormParts, DeletionParts):
    """The parts to show the form, and to delete the account."""


def require_own(link: MailedLink, current: Current | None) -> Current:
    """The session of the link's account. A mail that went to a wrong person must give them nothing.

    Raises:
        PageRefused: nobody is signed in, or somebody else.
    """
    if current is None or current.account.id != link.account_id:
        raise PageRefused(
            "Sign in first",
            "This link is for an account that is not signed in here. Sign in to it, and open the link again.",
            links=(Link("signin-link", "/signin?use_another=yes", "Sign in"),),
            status=403,
        )
    return current


def show(
    request: Request,
    parts: ConfirmDeletionParts,
    link: MailedLink,
    current: Current | None,
    token: str,
    callback: str,
    error: str | None = None,
) -> Response:
    current = require_own(link, current)
    return render_form(
        request,
        parts,
        "confirm_deletion",
        None,
        session_id=current.session.id,
        status=403 if error else 200,
        ends_at_client=callback != "",
        error=error,
        account=current.account,
        token=token,
        callback=callback,
    )


async def submit(
    request: Request,
    parts: ConfirmDeletionParts,
    link: MailedLink,
    current: Current | None,
    token: str,
    callback: str,
    form: Parameters,
    now: datetime,
) -> Response:
    """Delete the account, and go on where the link says. Raises InvalidLink."""
    current = require_own(link, current)
    if not is_ours(request, parts, form, current.session.id):
        return show(request, parts, link, current, token, callback, why_not_ours(request, parts))
    await delete_by_link(request, parts, current, token, now)
    return see_other(callback) if callback else see_other("/account", deleted="yes")
