"""Values under a signature, in the form that Better Auth's cookies have: `value.base64(HMAC-SHA256(key, value))`.

The key is derived from the name, so that a value signed for one cookie is worth nothing in another.
"""

import hmac
from base64 import b64encode

from .versioned_secrets import Secrets, derive_key

_SIGNATURE_LENGTH = 44  # 32 octets in base64, with one `=`


class ValueSigner:
    """Signs with the newest secret, and reads what any of the secrets signed."""

    def __init__(self, secrets: Secrets, name: str) -> None:
        self._keys = [derive_key(secret, f"auth-service signed value {name}") for secret in secrets.values()]

    def sign(self, value: str) -> str:
        return f"{value}.{_signature(self._keys[0], value)}"

    def find_value(self, signed: str) -> str | None:
        """The value, or None when no secret signed it."""
        value, dot, signature = signed.rpartition(".")
        if not dot or not value or len(signature) != _SIGNATURE_LENGTH or not signed.isascii():
            return None
        matches = [hmac.compare_digest(_signature(key, value), signature) for key in self._keys]
        return value if any(matches) else None


def _signature(key: bytes, value: str) -> str:
    return b64encode(hmac.digest(key, value.encode("ascii"), "sha256")).decode("ascii")
