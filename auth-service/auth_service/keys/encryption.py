"""Private keys at rest: AES-256-GCM under a key derived from one of the versioned key-encryption keys.

Encryption uses the newest version; decryption uses the version that encrypted, which must still be configured. An
encrypted key is bound to its `kid`, so that it cannot replace another one.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from ..sealed.versioned_secrets import Secrets, derive_key
from .pairs import PrivateKey, is_usable

_NONCE_LENGTH = 12  # octets, the size that AES-GCM uses


class UnreadableKey(Exception):
    """A stored private key cannot be decrypted with the configured key-encryption keys."""


class KeyEncryption:
    def __init__(self, secrets: Secrets) -> None:
        self._ciphers = {
            version: AESGCM(derive_key(secret, "auth-service signing keys")) for version, secret in secrets.items()
        }
        self.newest = next(iter(secrets))

    def seal(self, kid: str, private_key: PrivateKey) -> bytes:
        """The private key, encrypted with the newest version."""
        der = private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        nonce = os.urandom(_NONCE_LENGTH)
        return nonce + self._ciphers[self.newest].encrypt(nonce, der, kid.encode())

    def open(self, kid: str, sealed: bytes, *, version: int) -> PrivateKey:
        """The private key, decrypted.

        Raises:
            UnreadableKey: the version is not configured, has another secret now, or the stored octets were changed.
        """
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise UnreadableKey(f"key {kid} needs version {version} of the key-encryption keys")
        try:
            der = cipher.decrypt(sealed[:_NONCE_LENGTH], sealed[_NONCE_LENGTH:], kid.encode())
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise UnreadableKey(f"key {kid} was encrypted with a different key of version {version}") from error
        private_key = load_der_private_key(der, password=None)
        if not is_usable(private_key):
            raise UnreadableKey(f"key {kid} is neither RSA nor EC on P-256")
        return private_key
