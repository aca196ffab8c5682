"""Signed values in the format of Better Auth's cookies: `value.base64(HMAC-SHA256(key, value))`.

The key is derived from the cookie's name, so that a value signed for one cookie is not valid in another.
"""

import hmac
from base64 import b64encode

from .versioned_secrets import Secrets, derive_key

_SIGNATURE_LENGTH = 44  # 32 octets in base64, with one `=`


class ValueSigner:
    """Signs with the newest secret, and accepts signatures of all secrets."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._keys = [derive_key(secret, f"auth-service signed value {name}") for secret in secrets.values()]

    def sign(self, value: str) -> str:
        return f"{value}.{_signature(self._keys[0], value)}"

    def find_value(self, signed: str) -> str | None:
        """The value, or None if the signature is missing or not valid under any secret."""
        value, dot, signature = signed.rpartition(".")
        if not dot or not value or len(signature) != _SIGNATURE_LENGTH or not signed.isascii():
            return None
        matches = [hmac.compare_digest(_signature(key, value), signature) for key in self._keys]
        return value if any(matches) else None


def _signature(key: bytes, value: str) -> str:
    return b64encode(hmac.digest(key, value.encode("ascii"), "sha256")).decode("ascii")
