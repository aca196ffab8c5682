"""Sending the answer to an authorization request to the client, in the requested response mode."""

from collections.abc import Mapping

import structlog
from fastapi import Request, Response

from ..oauth.authorization_request import FORM_POST, ON_PAGE, Target
from ..oauth.authorization_response import add_query, render_code, render_refusal
from ..oauth.errors import OAuthError
from .pages import PageParts, render_form_post, render_page, see_other
from .parts import given

_log = structlog.get_logger(__name__)


def answer_code(request: Request, target: Target, code: str) -> Response:
    """Send the client its code. A device gets it from its next poll; the browser then shows a page."""
    return _send(request, target, render_code(code, target, issuer=given(request, PageParts).issuer))


def answer_refusal(request: Request, target: Target, refusal: OAuthError) -> Response:
    _log.info("authorization_refused", error=refusal.error, reason=refusal.reason or refusal.description)
    return _send(request, target, render_refusal(refusal, target, issuer=given(request, PageParts).issuer))


def _send(request: Request, target: Target, parameters: Mapping[str, str]) -> Response:
    if target.response_mode == ON_PAGE:
        return render_page(request, "device_answered", is_allowed="error" not in parameters)
    if target.response_mode == FORM_POST:
        return render_form_post(request, target.redirect_uri, dict(parameters))
    return see_other(add_query(target.redirect_uri, parameters))
