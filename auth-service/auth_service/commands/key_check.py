"""`keys check`: whether AUTH_KEY_ENCRYPTION_KEYS fits a backup, before the backup is restored."""

import json
import sys
from typing import Any

import typer

from ..keys.encryption import KeyEncryption
from ..keys.signing import DESTROYED
from ..settings.settings import load_settings
from .opened import CommandRefused

app = typer.Typer()


@app.command()
def check() -> None:
    """Check that AUTH_KEY_ENCRYPTION_KEYS decrypts the keys of a backup. Needs no database.

    Standard input has one JSON object per line: the columns kid, encryption_key_version and encrypted_private_key
    (hexadecimal) of a row of the table signing_keys.
    """
    encryption = KeyEncryption(load_settings().versioned("key_encryption_keys"))
    checked = 0
    for number, line in enumerate(sys.stdin, 1):
        kid, version, sealed = _read(line, number)
        if sealed != DESTROYED:
            encryption.open(kid, sealed, version=version)
            checked += 1
    typer.echo(f"{checked} keys can be decrypted")


def _read(line: str, number: int) -> tuple[str, int, bytes]:
    try:
        row: dict[str, Any] = json.loads(line)
        return str(row["kid"]), int(row["encryption_key_version"]), bytes.fromhex(row["encrypted_private_key"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CommandRefused(f"line {number} is no row of signing_keys: {type(error).__name__}") from None
