"""Refusing requests that another site has forged.

A browser adds our cookies to requests that other sites make, but it also says where such a request comes from.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from ...network.trusted_origins import TrustedOrigins, parse_origin
from .refusals import Refusal

_REDIRECTS = {
    "callbackURL": ("INVALID_CALLBACK_URL", "Invalid callbackURL"),
    "redirectTo": ("INVALID_REDIRECT_URL", "Invalid redirectURL"),
    "errorCallbackURL": ("INVALID_ERROR_CALLBACK_URL", "Invalid errorCallbackURL"),
    "newUserCallbackURL": ("INVALID_NEW_USER_CALLBACK_URL", "Invalid newUserCallbackURL"),
}


def check_origin(request: Request, trusted: TrustedOrigins, issuer: str, *, starts_session: bool) -> None:
    """Raises Refusal (403) if another site may have sent the request.

    A request with cookies needs a trusted Origin or Referer. A request without cookies is checked only if it starts a
    session and a browser sent it: another site must not sign a person in to the attacker's account.
    """
    headers = request.headers
    if "cookie" in headers:
        _require_trusted(request, trusted, issuer)
    elif starts_session:
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") == "navigate":
            raise Refusal(
                403,
                "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
                "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
            )
        if any(name in ("origin", "referer") or name.startswith("sec-fetch-") for name in headers):
            _require_trusted(request, trusted, issuer)


def _require_trusted(request: Request, trusted: TrustedOrigins, issuer: str) -> None:
    origins = request.headers.getlist("origin") or [
        parse_origin(r) or "null" for r in request.headers.getlist("referer")
    ]
    if origins == ["null"] and _is_vouched_for(request, issuer):
        return
    if not origins or "null" in origins:
        raise Refusal(403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin")
    if not all(trusted.trusts(origin) for origin in origins):
        raise Refusal(403, "INVALID_ORIGIN", "Invalid origin")


def _is_vouched_for(request: Request, issuer: str) -> bool:
    """Whether the browser says that a page with a hidden origin is of the origin that it sends the request to."""
    headers = request.headers
    return headers.get("sec-fetch-site") == "same-origin" and headers.get("host") == urlsplit(issuer).netloc


def check_redirects(members: Mapping[str, Any], trusted: TrustedOrigins) -> None:
    """Raises Refusal (400, 403) if the members of a body or query name a redirect that is not trusted."""
    for name, (code, message) in _REDIRECTS.items():
        url = members.get(name)
        if url is None or url == "":
            continue
        if not isinstance(url, str):
            raise Refusal(400, None, f"Invalid {name}: expected a string")
        if not trusted.allows_redirect_to(url):
            raise Refusal(403, code, message)
