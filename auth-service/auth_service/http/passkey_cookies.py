"""The cookie that binds a passkey's challenge to a browser (accounts/passkeys/challenges.py).

It has the name of the Better Auth protocol. Its value is random and signed, and the same for all tabs, so that a
sign-in page in another tab does not end this one's challenge.
"""

from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from ..accounts.passkeys.challenges import TTL
from ..sealed import opaque
from ..sealed.signed_values import ValueSigner
from ..sealed.versioned_secrets import Secrets
from .cookies import cookie_values, delete_everywhere, find_ours
from .outgoing import outgoing_of

NAME = "better-auth-passkey"


class PasskeyCookies:
    def __init__(self, secrets: Secrets, issuer: str) -> None:
        is_secure = issuer.startswith("https:")
        self._host = urlsplit(issuer).hostname or ""
        self._name = ("__Secure-" if is_secure else "") + f"better-auth.{NAME}"
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._signer = ValueSigner(secrets, NAME)

    def read(self, request: Request) -> str | None:
        """The browser's value. None: it has none of ours, or two that differ."""
        found = find_ours(map(unquote, cookie_values(request, self._name)), self._signer.find_value)
        return found.pop() if len(found) == 1 else None

    def recognize(self, request: Request) -> str:
        """The browser's value, sent with the response to this request for as long as a new challenge lasts."""
        browser = self.read(request) or opaque.draw()
        if len(cookie_values(request, self._name)) > 1:
            delete_everywhere(request, self._name, self._host, self._attributes)
        cookies = outgoing_of(request).cookies
        cookies.pop(self._name, None)
        signed = quote(self._signer.sign(browser), safe="")
        cookies[self._name] = f"{self._name}={signed}; Max-Age={TTL.seconds}{self._attributes}"
        return browser
