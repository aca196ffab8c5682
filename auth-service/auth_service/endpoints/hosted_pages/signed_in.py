"""What /signin shows to a person who is signed in, if no application asks for a sign-in."""

from fastapi import Request, Response

from ...http.current_session import Current
from .after_sign_in import callback_of
from .forms import render_form
from .signin_link import LinkPageParts


def render(request: Request, parts: LinkPageParts, current: Current) -> Response:
    return render_form(
        request,
        parts,
        "signed_in",
        None,
        session_id=current.session.id,
        account=current.account,
        application=callback_of(request, parts),
        asks_to_verify=parts.outbox.is_on and not current.account.email_verified,
    )
