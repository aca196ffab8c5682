"""Secrets that can be replaced while what they protect lives on: a list, newest first, each with a number.

Written `2:NEWER,1:OLDER`, or one a line. The first is used for what is made now; all are tried, or looked up by number,
for what was made before. Keys for a purpose are derived (HKDF, RFC 5869), so that no two purposes share one.
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
    """The secrets by version, newest first; one without a number is version 1.

    Raises:
        ValueError: nothing there, a secret of under 32 characters, a number twice, or numbers that do not fall.
            The message never holds a secret.
    """
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    if not entries:
        raise ValueError("is empty")
    secrets: dict[int, str] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        version, secret = (int(match["version"]), match["secret"]) if match else (1, entry)
        if len(secret) < MIN_LENGTH:
            raise ValueError(
                f"holds a secret of under {MIN_LENGTH} characters (make one with: openssl rand -base64 48)"
            )
        if secrets and version >= min(secrets):
            raise ValueError("must list its versions newest first, each number once, as in 2:NEWER,1:OLDER")
        secrets[version] = secret
    return secrets


def render_secrets(secrets: Secrets) -> str:
    """The secrets as parse_secrets reads them, one a line."""
    return "".join(f"{version}:{secret}\n" for version, secret in secrets.items())


def rotate_secrets(secrets: Secrets, *, keep: int | None = None) -> Secrets:
    """A new newest secret before the `keep` newest of those there are; None keeps them all."""
    kept = list(secrets.items())[:keep]
    return {max(secrets) + 1: draw_secret(), **dict(kept)}


def draw_secret() -> str:
    """384 bits, in letters that need no quoting anywhere."""
    secret = random.token_urlsafe(48)
    return draw_secret() if looks_like_a_default(secret) else secret


def looks_like_a_default(secret: str) -> bool:
    """Whether a secret was copied from an example rather than drawn at random."""
    words = ("secret", "change", "default", "example", "password", "your-", "test", "0123456789", "abcdef")
    return len(set(secret)) < 12 or any(word in secret.lower() for word in words)


def derive_key(secret: str, purpose: str) -> bytes:
    """256 bits for one purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())
