"""Secrets that can be rotated without losing what older ones protect: a numbered list, newest first.

The format is `2:NEWER,1:OLDER`, or one secret per line. New values use the first secret. Older values are checked with
all secrets, or with the one whose number they carry. Each purpose has its own derived key (HKDF, RFC 5869).
"""

import re
import secrets as random
from collections.abc import Mapping

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_LENGTH = 32
_ENTRY = re.compile(r"(?P<version>[1-9][0-9]{0,8}):(?P<secret>\S+)")

Secrets = Mapping[int, str]


def parse_secrets(text: str) -> Secrets:
    """The secrets by version, newest first; a secret without a number is version 1.

    Raises:
        ValueError: the list is empty, a secret is under 32 characters, or the numbers do not strictly decrease. The
            message never holds a secret.
    """
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    if not entries:
        raise ValueError("is empty")
    secrets: dict[int, str] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        version, secret = (int(match["version"]), match["secret"]) if match else (1, entry)
        if len(secret) < MIN_LENGTH:
            raise ValueError(f"holds a secret of under {MIN_LENGTH} characters (make one with: openssl rand -hex 32)")
        if secrets and version >= min(secrets):
            raise ValueError("must list its versions newest first, each number once, as in 2:NEWER,1:OLDER")
        secrets[version] = secret
    return secrets


def render_secrets(secrets: Secrets) -> str:
    """The secrets in the format that parse_secrets reads, one per line."""
    return "".join(f"{version}:{secret}\n" for version, secret in secrets.items())


def rotate_secrets(secrets: Secrets, *, keep: int | None = None) -> Secrets:
    """A new secret, followed by the `keep` newest of `secrets`; None keeps all."""
    kept = list(secrets.items())[:keep]
    return {max(secrets) + 1: draw_secret(), **dict(kept)}


def draw_secret() -> str:
    """A random secret of 384 bits, in characters that need no quoting."""
    secret = random.token_urlsafe(48)
    return draw_secret() if looks_like_a_default(secret) else secret


def looks_like_a_default(secret: str) -> bool:
    """Whether a secret looks copied from an example instead of random."""
    words = ("secret", "change", "default", "example", "password", "your-", "test", "0123456789", "abcdef")
    return len(set(secret)) < 12 or any(word in secret.lower() for word in words)


def derive_key(secret: str, purpose: str) -> bytes:
    """A key of 256 bits for one purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())
