"""The session credential: a signed handle, as a cookie or as a bearer token.

Only the signed handle is accepted. The bare handle, which lists of sessions show, opens nothing. This differs from
Better Auth's own server on purpose.
"""

import hashlib
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from ..sealed.signed_values import ValueSigner
from ..sealed.versioned_secrets import Secrets
from ..sessions.browser_sessions import BrowserSession
from .cookies import ConflictingCookies, cookie_values, delete_everywhere, find_ours
from .outgoing import outgoing_of

SESSION_TOKEN, SESSION_DATA, DONT_REMEMBER = "session_token", "session_data", "dont_remember"
KNOWN_DEVICE = "known_device"
KNOWN_DEVICE_MAX_AGE = timedelta(days=180)
KNOWN_DEVICE_ACCOUNTS = 4  # per browser; the oldest are forgotten


class SessionCookies:
    def __init__(self, secrets: Secrets, issuer: str) -> None:
        is_secure = issuer.startswith("https:")
        self._host = urlsplit(issuer).hostname or ""
        # The protocol's cookies have the names that it gives them. Ours cannot be set by another host of the domain.
        self._prefix = ("__Secure-" if is_secure else "") + "better-auth."
        self._name = self._prefix + SESSION_TOKEN
        self._device_name = ("__Host-" if is_secure else "") + f"better-auth.{KNOWN_DEVICE}"
        self._old_device_name = self._prefix + KNOWN_DEVICE  # read until it has expired everywhere, in 2027
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._session = ValueSigner(secrets, SESSION_TOKEN)
        self._dont_remember = ValueSigner(secrets, DONT_REMEMBER)
        self._known_device = ValueSigner(secrets, KNOWN_DEVICE)

    def read(self, request: Request) -> str | None:
        """The handle in the request's credential. None if there is no credential, or we did not sign it.

        If there is a bearer token, the cookie is not read, even if the token is bad.

        Raises:
            ConflictingCookies: two cookies have our signature, and differ.
        """
        bearer = [
            value[7:].strip() for value in request.headers.getlist("authorization") if value[:7].lower() == "bearer "
        ]
        if bearer:
            return self._find_handle(bearer[0]) if len(set(bearer)) == 1 else None
        handles = self._find_handles(request)
        if len(handles) > 1:
            delete_everywhere(request, self._name, self._host, self._attributes)
            raise ConflictingCookies(self._name)
        return handles.pop() if handles else None

    def read_all(self, request: Request) -> set[str]:
        """The handles of all credentials in the request, to sign out of them."""
        try:
            found = self.read(request)
        except ConflictingCookies:
            return self._find_handles(request)
        return set() if found is None else {found}

    def _find_handles(self, request: Request) -> set[str]:
        return find_ours(cookie_values(request, self._name), self._find_handle)

    def _find_handle(self, credential: str) -> str | None:
        if len(credential) > 1024:
            return None
        return self._session.find_value(unquote(credential) if "%" in credential else credential)

    def set(self, request: Request, session: BrowserSession, *, now: datetime) -> None:
        """Send the credential with the response to this request.

        Another session's is deleted wherever it may come from: beside a parent domain's cookie ours would not count.
        """
        if self._find_handles(request) - {session.token}:
            delete_everywhere(request, self._name, self._host, self._attributes)
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
        self._put_named(request, self._device_name, quote(value, safe=""), lasting)
        if self._old_device_name != self._device_name and cookie_values(request, self._old_device_name):
            self._put_named(request, self._old_device_name, "", "; Max-Age=0")

    def _known_tags(self, request: Request) -> list[str]:
        for name in (self._device_name, self._old_device_name):
            found = find_ours(map(unquote, cookie_values(request, name)), self._known_device.find_value)
            if found:
                return found.pop().split("-") if len(found) == 1 else []
        return []

    def _put(self, request: Request, name: str, value: str, lasting: str = "") -> None:
        self._put_named(request, self._prefix + name, value, lasting)

    def _put_named(self, request: Request, name: str, value: str, lasting: str) -> None:
        """Put the cookie behind all others: a client that knows cookies by name only keeps the last value."""
        cookies = outgoing_of(request).cookies
        cookies.pop(name, None)
        cookies[name] = f"{name}={value}{lasting}{self._attributes}"


def device_tag(account_id: str, password_hash: str | None) -> str:
    """The entry of an account, with its current password (None: it has none), in the signed cookie of a known device.

    After a change of the password, the device is no longer known. Nor is it known to a new account of the same address.
    """
    return hashlib.sha256(f"{account_id} {password_hash}".encode()).hexdigest()[:16]
