"""Opaque values: 256 random bits, shown once and stored as their SHA-256.

They cannot be guessed, so a fast hash is enough. A stolen database holds no usable value.
"""

import hashlib
import secrets

LENGTH = 43  # characters: 256 bits in base64url


def draw() -> str:
    """A new value, in characters that need no escaping in a URL, a form or HTTP Basic (RFC 6749 §2.3.1)."""
    return secrets.token_urlsafe(32)


def hash_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
