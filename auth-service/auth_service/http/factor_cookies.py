"""Cookies of the second factor: a sign-in that waits for a code, and a browser that need not show one.

They have the names of the Better Auth protocol. Every value is signed, under a key of its cookie's name.
"""

import hashlib
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from ..accounts.factors import challenges
from ..accounts.factors.trusted_browsers import TRUSTED_FOR
from ..sealed import opaque
from ..sealed.signed_values import ValueSigner
from ..sealed.versioned_secrets import Secrets
from .cookies import cookie_values, delete_everywhere, find_ours
from .outgoing import outgoing_of

PENDING, TRUSTED = "two_factor", "trust_device"
TRUSTING_ACCOUNTS = 4  # per browser; the oldest are forgotten


class FactorCookies:
    def __init__(self, secrets: Secrets, issuer: str) -> None:
        is_secure = issuer.startswith("https:")
        self._host = urlsplit(issuer).hostname or ""
        self._prefix = ("__Secure-" if is_secure else "") + "better-auth."
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if is_secure else "")
        self._pending = ValueSigner(secrets, PENDING)
        self._trusted = ValueSigner(secrets, TRUSTED)

    def set_pending(self, request: Request, token: str) -> None:
        """Send the secret of a challenge (factors/challenges.py) with the response to this request."""
        self._clear_others(request, PENDING)
        self._put(request, PENDING, self._pending.sign(token), challenges.TTL)

    def read_pending(self, request: Request) -> str | None:
        """The secret of this browser's challenge. None: there is none, or there are two that differ."""
        found = self._find(request, PENDING, self._pending)
        token = found.pop() if len(found) == 1 else None
        return token if token is not None and len(token) == opaque.LENGTH else None

    def clear_pending(self, request: Request) -> None:
        if cookie_values(request, self._prefix + PENDING):
            self._clear_others(request, PENDING)
            self._put(request, PENDING, "", timedelta())

    def trust(self, request: Request, tag: str, browser_id: str) -> None:
        """Let this browser sign in to the account of the tag without a code (accounts/factors/trusted_browsers.py)."""
        others = [entry for entry in self._entries(request) if not entry.startswith(f"{tag}.")]
        value = "-".join([f"{tag}.{browser_id}", *others][:TRUSTING_ACCOUNTS])
        self._clear_others(request, TRUSTED)
        self._put(request, TRUSTED, self._trusted.sign(value), TRUSTED_FOR)

    def find_trusted(self, request: Request, tag: str) -> str | None:
        """The id by which the account of the tag may trust this browser."""
        entries = dict(entry.split(".", 1) for entry in self._entries(request) if "." in entry)
        return entries.get(tag)

    def _entries(self, request: Request) -> list[str]:
        found = self._find(request, TRUSTED, self._trusted)
        return found.pop().split("-") if len(found) == 1 else []

    def _find(self, request: Request, name: str, signer: ValueSigner) -> set[str]:
        return find_ours(map(unquote, cookie_values(request, self._prefix + name)), signer.find_value)

    def _clear_others(self, request: Request, name: str) -> None:
        """Beside a cookie that was set for a parent domain ours would not count."""
        if len(cookie_values(request, self._prefix + name)) > 1:
            delete_everywhere(request, self._prefix + name, self._host, self._attributes)

    def _put(self, request: Request, name: str, signed: str, lasting: timedelta) -> None:
        name = self._prefix + name
        cookies = outgoing_of(request).cookies
        cookies.pop(name, None)
        max_age = int(lasting.total_seconds())
        cookies[name] = f"{name}={quote(signed, safe='')}; Max-Age={max_age}{self._attributes}"


def trust_tag(account_id: str, password_hash: str | None, second_factor_at: datetime | None) -> str:
    """The entry of an account in the cookie of a trusted browser.

    Another password, or a second factor that was turned off and on again, makes another tag: trust ends with either.
    """
    text = f"{account_id} {password_hash} {second_factor_at.isoformat() if second_factor_at else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
