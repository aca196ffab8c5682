"""The session credential: a signed handle, as a cookie or as a bearer token.

Only the signed form proves anything; the bare handle, which lists of sessions show, does not (a deliberate
difference from the original).
"""

import hashlib
from datetime import datetime, timedelta
from urllib.parse import quote, unquote

from fastapi import Request

from ..sealed.signed_values import ValueSigner
from ..sealed.versioned_secrets import Secrets
from ..sessions.browser_sessions import BrowserSession
from .outgoing import outgoing_of

SESSION_TOKEN, SESSION_DATA, DONT_REMEMBER = "session_token", "session_data", "dont_remember"
KNOWN_DEVICE = "known_device"
KNOWN_DEVICE_MAX_AGE = timedelta(days=180)
KNOWN_DEVICE_ACCOUNTS = 4  # that one browser is remembered for; the newest first


class SessionCookies:
    def __init__(self, secrets: Secrets, *, cookie_secure: bool) -> None:
        self._prefix = ("__Secure-" if cookie_secure else "") + "better-auth."
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if cookie_secure else "")
        self._session = ValueSigner(secrets, SESSION_TOKEN)
        self._dont_remember = ValueSigner(secrets, DONT_REMEMBER)
        self._known_device = ValueSigner(secrets, KNOWN_DEVICE)

    def read(self, request: Request) -> str | None:
        """The handle that a request proves to hold; None when it shows nothing, or nothing that we signed.

        A bearer credential stands alone: when it is bad, the cookie beside it does not save the request.
        Cookies of one name that differ prove nothing, because a neighbour on the domain may have added one.
        """
        bearer = [
            value[7:].strip() for value in request.headers.getlist("authorization") if value[:7].lower() == "bearer "
        ]
        shown = set(bearer or cookie_values(request, self._prefix + SESSION_TOKEN))
        return self._find_handle(shown.pop()) if len(shown) == 1 else None

    def _find_handle(self, credential: str) -> str | None:
        if len(credential) > 1024:
            return None
        return self._session.find_value(unquote(credential) if "%" in credential else credential)

    def set(self, request: Request, session: BrowserSession, *, now: datetime) -> None:
        """Hand the credential over with the response to this request."""
        signed = self._session.sign(session.token)
        lasting = ""
        if session.is_remembered:
            lasting = f"; Max-Age={int((session.expires_at - now).total_seconds())}"
        else:
            self._put(request, DONT_REMEMBER, quote(self._dont_remember.sign("true"), safe=""))
        self._put(request, SESSION_TOKEN, quote(signed, safe=""), lasting)
        outgoing_of(request).session_credential = signed

    def clear(self, request: Request) -> None:
        """Take the credential off the browser with the response to this request."""
        for name in (SESSION_TOKEN, SESSION_DATA, DONT_REMEMBER):
            self._put(request, name, "", "; Max-Age=0")
        outgoing_of(request).session_credential = None

    def knows_device(self, request: Request, tag: str) -> bool:
        """Whether this browser has signed in with that password before; it is then not held by the account's budget."""
        return tag in self._known_tags(request)

    def remember_device(self, request: Request, tag: str) -> None:
        others = [other for other in self._known_tags(request) if other != tag]
        value = self._known_device.sign("-".join([tag, *others][:KNOWN_DEVICE_ACCOUNTS]))
        lasting = f"; Max-Age={int(KNOWN_DEVICE_MAX_AGE.total_seconds())}"
        self._put(request, KNOWN_DEVICE, quote(value, safe=""), lasting)

    def _known_tags(self, request: Request) -> list[str]:
        shown = set(cookie_values(request, self._prefix + KNOWN_DEVICE))
        value = self._known_device.find_value(unquote(shown.pop())) if len(shown) == 1 else None
        return value.split("-") if value else []

    def _put(self, request: Request, name: str, value: str, lasting: str = "") -> None:
        full_name = self._prefix + name
        outgoing_of(request).cookies[full_name] = f"{full_name}={value}{lasting}{self._attributes}"


def device_tag(account_id: str, password_hash: str) -> str:
    """What stands in the device's cookie, under its signature: an account with the password that it has now.

    Who only knew an older password, or an earlier account of the same address, is a stranger again.
    """
    return hashlib.sha256(f"{account_id} {password_hash}".encode()).hexdigest()[:16]


def cookie_values(request: Request, name: str) -> list[str]:
    """Every value sent under a name (RFC 6265 §4.2.2: there may be several), without a client's quotes."""
    values = []
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                values.append(value.removeprefix('"').removesuffix('"'))
    return values
