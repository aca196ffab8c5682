"""The session credential: a signed handle, as a cookie or as a bearer token.

Only the signed handle is accepted. The bare handle, which lists of sessions show, opens nothing. This differs from
Better Auth's own server on purpose.
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
KNOWN_DEVICE_ACCOUNTS = 4  # per browser; the oldest are forgotten


class SessionCookies:
    def __init__(self, secrets: Secrets, *, cookie_secure: bool) -> None:
        self._prefix = ("__Secure-" if cookie_secure else "") + "better-auth."
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if cookie_secure else "")
        self._session = ValueSigner(secrets, SESSION_TOKEN)
        self._dont_remember = ValueSigner(secrets, DONT_REMEMBER)
        self._known_device = ValueSigner(secrets, KNOWN_DEVICE)

    def read(self, request: Request) -> str | None:
        """The handle in the request's credential. None if there is no credential, or we did not sign it.

        If there is a bearer token, the cookie is not read, even if the token is bad. Cookies of this name with
        different values are refused, because another host of the domain may have added one.
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
        """Send the credential with the response to this request."""
        signed = self._session.sign(session.token)
        lasting = ""
        if session.is_remembered:
            lasting = f"; Max-Age={int((session.expires_at - now).total_seconds())}"
        else:
            self._put(request, DONT_REMEMBER, quote(self._dont_remember.sign("true"), safe=""))
        self._put(request, SESSION_TOKEN, quote(signed, safe=""), lasting)
        outgoing_of(request).session_credential = signed

    def clear(self, request: Request) -> None:
        """Delete the credential's cookies with the response to this request."""
        for name in (SESSION_TOKEN, SESSION_DATA, DONT_REMEMBER):
            self._put(request, name, "", "; Max-Age=0")
        outgoing_of(request).session_credential = None

    def knows_device(self, request: Request, tag: str) -> bool:
        """Whether this browser has signed in with this password before. If so, the account's budget is not used."""
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
    """The entry of an account, with its current password, in the signed cookie of a known device.

    After a change of the password, the device is no longer known. Nor is it known to a new account of the same address.
    """
    return hashlib.sha256(f"{account_id} {password_hash}".encode()).hexdigest()[:16]


def cookie_values(request: Request, name: str) -> list[str]:
    """The values of a cookie, without quotes. A request may carry several of one name (RFC 6265 §4.2.2)."""
    values = []
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                values.append(value.removeprefix('"').removesuffix('"'))
    return values
