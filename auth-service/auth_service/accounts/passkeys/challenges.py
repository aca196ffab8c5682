"""Challenges: random octets that an authenticator signs, with the end of their time and an HMAC.

    nonce (16 octets) | expiry (8, seconds since 1970) | HMAC-SHA256 over purpose, place, nonce and expiry (32)

The place is the browser, and for a registration also the account and the session, so that an answer counts only where
it was asked for. Nothing is stored; used_challenges.py refuses a second answer.
"""

import hashlib
import hmac
import secrets as random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ...sealed.versioned_secrets import Secrets, derive_key

TTL = timedelta(minutes=5)
SIGN_IN, REGISTRATION = "sign in", "register"  # purposes
_NONCE, _EXPIRY, _MAC = 16, 8, 32  # octets


@dataclass(frozen=True)
class Challenge:
    octets: bytes
    expires_at: datetime

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.octets).hexdigest()


class Challenges:
    def __init__(self, secrets: Secrets) -> None:
        self._keys = [derive_key(secret, "auth-service passkey challenges") for secret in secrets.values()]

    def issue(self, purpose: str, *place: str, now: datetime) -> bytes:
        signed = random.token_bytes(_NONCE) + int((now + TTL).timestamp()).to_bytes(_EXPIRY, "big")
        return signed + _mac(self._keys[0], signed, purpose, place)

    def find(self, octets: bytes, purpose: str, *place: str, now: datetime) -> Challenge | None:
        """The challenge. None: it is not ours, has another purpose or place, or has expired."""
        signed, mac = octets[: _NONCE + _EXPIRY], octets[_NONCE + _EXPIRY :]
        if len(mac) != _MAC:
            return None
        matches = [hmac.compare_digest(_mac(key, signed, purpose, place), mac) for key in self._keys]
        if not any(matches):
            return None
        expires_at = datetime.fromtimestamp(int.from_bytes(signed[_NONCE:], "big"), UTC)
        return Challenge(octets, expires_at) if now < expires_at else None


def _mac(key: bytes, signed: bytes, purpose: str, place: tuple[str, ...]) -> bytes:
    return hmac.digest(key, "\0".join((purpose, *place)).encode() + b"\0" + signed, "sha256")
