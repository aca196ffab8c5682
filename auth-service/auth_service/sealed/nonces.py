"""Nonces that every process knows without storing them: a step of time and its HMAC.

All answers within a step carry the same nonce. It cannot be computed without the secret, so who shows it has asked this
service since the step began.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from datetime import datetime, timedelta

from .versioned_secrets import Secrets, derive_key

STEP = timedelta(seconds=60)
STEPS = 5  # a nonce is accepted in the step that it was made in and in those after it, so for four to five minutes
_TIME_OCTETS, _MAC_OCTETS = 5, 16
_LENGTH = (_TIME_OCTETS + _MAC_OCTETS) * 4 // 3  # characters in base64url, without padding


class Nonces:
    """Makes nonces under the newest secret, and accepts those of all secrets. Each purpose has its own."""

    def __init__(self, secrets: Secrets, purpose: str) -> None:
        self._keys = [derive_key(secret, f"auth-service nonces {purpose}") for secret in secrets.values()]

    def make(self, *, now: datetime) -> str:
        step = _step(now)
        return urlsafe_b64encode(step + _mac(self._keys[0], step)).decode()

    def accepts(self, nonce: str, *, now: datetime) -> bool:
        """Whether the nonce is one of the last steps, or of the next: another process's clock may be ahead."""
        if len(nonce) != _LENGTH or not nonce.isascii():
            return False
        try:
            octets = urlsafe_b64decode(nonce)
        except NotBase64:
            return False
        step, mac = octets[:_TIME_OCTETS], octets[_TIME_OCTETS:]
        age = int.from_bytes(_step(now)) - int.from_bytes(step)
        matches = [hmac.compare_digest(_mac(key, step), mac) for key in self._keys]
        return any(matches) and -1 <= age < STEPS


def _step(now: datetime) -> bytes:
    return (int(now.timestamp()) // int(STEP.total_seconds())).to_bytes(_TIME_OCTETS)


def _mac(key: bytes, step: bytes) -> bytes:
    return hmac.digest(key, step, "sha256")[:_MAC_OCTETS]
