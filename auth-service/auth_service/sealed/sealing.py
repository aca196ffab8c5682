"""Text that is kept for a while and must not be read from a stolen database: AES-256-GCM under a versioned secret."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .versioned_secrets import Secrets, derive_key

_VERSION_LENGTH, _NONCE_LENGTH = 4, 12  # octets before the sealed text


class Seal:
    """Seals with the newest secret, and opens what any of them sealed. Each purpose has keys of its own."""

    def __init__(self, secrets: Secrets, purpose: str) -> None:
        self._ciphers = {
            version: AESGCM(derive_key(secret, f"auth-service seal {purpose}")) for version, secret in secrets.items()
        }
        self._newest = next(iter(secrets))

    def seal(self, text: str, *, place: str) -> bytes:
        """`place` says where it is kept: moved to another row, it does not open."""
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), place.encode())
        return self._newest.to_bytes(_VERSION_LENGTH) + nonce + sealed

    def open(self, sealed: bytes, *, place: str) -> str | None:
        """None when its secret is gone, or it was sealed elsewhere."""
        cipher = self._ciphers.get(int.from_bytes(sealed[:_VERSION_LENGTH]))
        nonce, rest = sealed[_VERSION_LENGTH:][:_NONCE_LENGTH], sealed[_VERSION_LENGTH + _NONCE_LENGTH :]
        try:
            return None if cipher is None else cipher.decrypt(nonce, rest, place.encode()).decode()
        except InvalidTag:
            return None
