"""The signed cookie that identifies a browser, and the tokens of our forms. A stored request belongs to one browser.

The token of a form is an HMAC over the browser's cookie and the session that the form is about. Another site cannot
compute it, so it can neither send a form for a person nor sign the person in to the attacker's account. A form that was
made for one account is refused when another account is signed in.
"""

import hmac
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from ..network.trusted_origins import parse_origin
from ..sealed import opaque
from ..sealed.signed_values import ValueSigner
from ..sealed.versioned_secrets import Secrets, derive_key
from .cookies import ConflictingCookies, cookie_values, delete_everywhere, find_ours
from .outgoing import outgoing_of

NOBODY = ""


class Browsers:
    def __init__(self, issuer: str, secrets: Secrets) -> None:
        is_secure = issuer.startswith("https:")
        self._issuer = issuer
        self._name = "__Host-browser" if is_secure else "browser"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._host = urlsplit(issuer).hostname or ""
        self._signer = ValueSigner(secrets, "browser")
        self._keys = [derive_key(secret, "auth-service forms") for secret in secrets.values()]

    def read(self, request: Request) -> str | None:
        """The browser's identifier. None if the request has none that we have signed.

        Until version 0.1.0 it had no signature. Such a value counts if it is the only one: requests wait for a day.

        Raises:
            ConflictingCookies: two have our signature, and differ.
        """
        shown = set(map(unquote, cookie_values(request, self._name)))
        ours = find_ours(shown, self._signer.find_value)
        if len(ours) > 1:
            delete_everywhere(request, self._name, self._host, self._attributes)
            raise ConflictingCookies(self._name)
        if ours:
            return ours.pop()
        unsigned = {value for value in shown if len(value) == opaque.LENGTH and value.isascii()}
        return unsigned.pop() if len(unsigned) == 1 else None

    def recognize(self, request: Request) -> str:
        """The browser's identifier. A browser without one gets a new cookie with the response.

        The cookie has no Max-Age: it lasts until the browser is closed.
        """
        browser = self.read(request) or opaque.draw()
        signed = self._signer.sign(browser)
        if signed not in map(unquote, cookie_values(request, self._name)):
            outgoing_of(request).cookies[self._name] = f"{self._name}={quote(signed, safe='')}{self._attributes}"
        return browser

    def form_token(self, browser: str, session_id: str = NOBODY) -> str:
        return _token(self._keys[0], browser, session_id)

    def accepts_form(self, request: Request, token: str, session_id: str = NOBODY) -> bool:
        """Whether we made the form for this browser and session, and one of our own pages sent it."""
        browser = self.read(request)
        if browser is None or not token.isascii() or not self._is_from_here(request):
            return False
        matches = [hmac.compare_digest(_token(key, browser, session_id), token) for key in self._keys]
        return any(matches)

    def _is_from_here(self, request: Request) -> bool:
        """Whether `Origin`, or else `Referer`, is the issuer. If both are missing, `Sec-Fetch-Site` must be there.

        `Sec-Fetch-Site` must be `same-origin` whenever it is there: scripts cannot set it (Fetch Metadata).
        """
        origins: list[str | None] = [*request.headers.getlist("origin")]
        origins = origins or [parse_origin(referer) for referer in request.headers.getlist("referer")]
        site = request.headers.get("sec-fetch-site")
        if site not in (None, "same-origin"):
            return False
        return origins == [self._issuer] or (not origins and site == "same-origin")


def _token(key: bytes, browser: str, session_id: str) -> str:
    return hmac.digest(key, f"{browser} {session_id}".encode(), "sha256").hex()
