"""A client's secret in a file, which the client reads, too. The file is the only place that has it as text."""

import os
from pathlib import Path

from ..sealed.versioned_secrets import MIN_LENGTH, looks_like_a_default


class UnusableSecretFile(Exception):
    """The file cannot be read or written, or its secret is weak; the text says which."""


def find_secret(path: Path) -> str | None:
    """The secret, or None if there is no file. Raises UnusableSecretFile."""
    return read_secret(path) if path.exists() else None


def read_secret(path: Path) -> str:
    """Raises UnusableSecretFile."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableSecretFile(f"{path} cannot be read: {type(error).__name__}") from error
    if len(secret) < MIN_LENGTH or not secret.isprintable() or looks_like_a_default(secret):
        raise UnusableSecretFile(
            f"{path} must hold a random secret of at least {MIN_LENGTH} characters (openssl rand -hex 32)"
        )
    return secret


def write_secret(path: Path, secret: str) -> None:
    """Write a file that does not exist yet; only its owner may read it. Raises UnusableSecretFile."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise UnusableSecretFile(f"{path} cannot be written: {type(error).__name__}") from error


def is_safe_in_basic(secret: str) -> bool:
    """Whether HTTP Basic carries the secret as it is, without percent-encoding (RFC 6749 §2.3.1)."""
    return "+" not in secret and "%" not in secret
