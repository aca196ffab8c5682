"""Proof Key for Code Exchange (RFC 7636): only the client that requested a code can redeem it. S256 only."""

import base64
import hashlib
import hmac
import re

S256 = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 octets in base64url (RFC 7636 §4.2)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1


def is_challenge(text: str) -> bool:
    return _CHALLENGE.fullmatch(text) is not None


def derive_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def verify(challenge: str | None, verifier: str | None) -> bool:
    """Whether the verifier matches the challenge (RFC 7636 §4.6). True if both are absent, False if only one is.

    A verifier without a challenge is refused: an attacker may have removed the challenge from the authorization
    request, and the client still believes that PKCE protects it (RFC 9700 §2.1.1).
    """
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(derive_challenge(verifier), challenge)
