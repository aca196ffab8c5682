"""`keys`: what this issuer signs with."""

import typer

from ..settings import load_settings
from ..signing_keys import KeyStore, SigningKey
from .opened import AsJson, Record, opened, run, show

app = typer.Typer(help="Signing keys.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Signing keys."""


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the keys with their states; private parts are never shown."""
    show(run(_list()), as_json=as_json)


def record_of(key: SigningKey) -> Record:
    return {
        "kid": key.kid,
        "state": key.state,
        "alg": "RS256",
        "created_at": key.created_at.isoformat(timespec="milliseconds"),
        "activated_at": key.activated_at.isoformat(timespec="milliseconds") if key.activated_at else None,
        "encryption_key_version": key.encryption_key_version,
    }


async def _list() -> list[Record]:
    async with opened() as database:
        return [
            record_of(key)
            for key in await KeyStore(database, load_settings().versioned("key_encryption_keys")).list_keys()
        ]
