"""Opaque values: 256 random bits, shown once and stored as their SHA-256.

Nobody guesses one, so there is nothing to slow down, and whoever reads the database cannot use what is in it.
"""

import hashlib
import secrets

LENGTH = 43  # of 256 bits in base64url


def draw() -> str:
    """In letters that need no escaping in an address, in a form or in Basic (RFC 6749 §2.3.1)."""
    return secrets.token_urlsafe(32)


def hash_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
