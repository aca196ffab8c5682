"""Browsers, told apart by a cookie of their own: what a stored request belongs to, and what forms prove.

A form carries a token that only the browser it was made for can know: an HMAC over that browser's cookie and the
session that the form is about. So another site can neither send one nor have somebody signed in to an account of its
own; and a form that was made for one account is no longer good when another one is signed in.
"""

import hmac

from fastapi import Request

from ..network.trusted_origins import parse_origin
from ..sealed import opaque
from ..sealed.versioned_secrets import Secrets, derive_key
from .outgoing import outgoing_of
from .session_cookies import cookie_values

NOBODY = ""


class Browsers:
    def __init__(self, issuer: str, secrets: Secrets) -> None:
        is_secure = issuer.startswith("https:")
        self._issuer = issuer
        self._name = "__Host-browser" if is_secure else "browser"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._keys = [derive_key(secret, "auth-service forms") for secret in secrets.values()]

    def read(self, request: Request) -> str | None:
        """Which browser it is; None for one that has not been here, or that shows cookies which differ."""
        shown = set(cookie_values(request, self._name))
        value = shown.pop() if len(shown) == 1 else ""
        return value if len(value) == opaque.LENGTH and value.isascii() else None

    def recognize(self, request: Request) -> str:
        """Which browser it is. One that has not been here gets its cookie with the response.

        The cookie lasts until the browser is closed: longer than any request is kept.
        """
        browser = self.read(request)
        if browser is None:
            browser = opaque.draw()
            outgoing_of(request).cookies[self._name] = f"{self._name}={browser}{self._attributes}"
        return browser

    def form_token(self, browser: str, session_id: str = NOBODY) -> str:
        return _token(self._keys[0], browser, session_id)

    def accepts_form(self, request: Request, token: str, session_id: str = NOBODY) -> bool:
        """Whether a form was made by us for this browser and session, and sent by one of our own pages."""
        browser = self.read(request)
        if browser is None or not token.isascii() or not self._is_from_here(request):
            return False
        matches = [hmac.compare_digest(_token(key, browser, session_id), token) for key in self._keys]
        return any(matches)

    def _is_from_here(self, request: Request) -> bool:
        """By `Origin`, or by what else only the browser itself can say (Fetch Metadata)."""
        origins: list[str | None] = [*request.headers.getlist("origin")]
        origins = origins or [parse_origin(referer) for referer in request.headers.getlist("referer")]
        site = request.headers.get("sec-fetch-site")
        if site not in (None, "same-origin"):
            return False
        return origins == [self._issuer] or (not origins and site == "same-origin")


def _token(key: bytes, browser: str, session_id: str) -> str:
    return hmac.digest(key, f"{browser} {session_id}".encode(), "sha256").hex()
