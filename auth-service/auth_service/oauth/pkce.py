"""Proof Key for Code Exchange (RFC 7636): who redeems a code is who asked for it. S256 only."""

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
    """RFC 7636 §4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).decode("ascii").rstrip("=")


def verify(challenge: str | None, verifier: str | None) -> bool:
    """Whether the verifier fits (RFC 7636 §4.6). A challenge and no verifier never does.

    Nor does a verifier without a challenge: somebody took the challenge out of the request on its way, and the client
    believes to be protected (RFC 9700 §2.1.1).
    """
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(derive_challenge(verifier), challenge)
