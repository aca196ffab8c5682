"""Encryption of stored text with AES-256-GCM under a versioned secret, against a stolen database."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .versioned_secrets import Secrets, derive_key

_VERSION_LENGTH, _NONCE_LENGTH = 4, 12  # octets before the sealed text


class Seal:
    """Encrypts with the newest secret, and decrypts with whichever secret encrypted. Each purpose has its own keys."""

    def __init__(self, secrets: Secrets, purpose: str) -> None:
        self._ciphers = {
            version: AESGCM(derive_key(secret, f"auth-service seal {purpose}")) for version, secret in secrets.items()
        }
        self._newest = next(iter(secrets))

    def seal(self, text: str, *, place: str) -> bytes:
        """Encrypt the text for one `place`, such as a row: moved to another place it cannot be opened."""
        nonce = os.urandom(_NONCE_LENGTH)
        sealed = self._ciphers[self._newest].encrypt(nonce, text.encode(), place.encode())
        return self._newest.to_bytes(_VERSION_LENGTH) + nonce + sealed

    def is_newest(self, sealed: bytes) -> bool:
        """Whether the newest secret has sealed it, so that older ones can be dropped."""
        return sealed[:_VERSION_LENGTH] == self._newest.to_bytes(_VERSION_LENGTH)

    def open(self, sealed: bytes, *, place: str) -> str | None:
        """The text, or None if its secret is no longer configured or it was sealed for another place."""
        cipher = self._ciphers.get(int.from_bytes(sealed[:_VERSION_LENGTH]))
        nonce, rest = sealed[_VERSION_LENGTH:][:_NONCE_LENGTH], sealed[_VERSION_LENGTH + _NONCE_LENGTH :]
        try:
            return None if cipher is None else cipher.decrypt(nonce, rest, place.encode()).decode()
        except InvalidTag:
            return None
