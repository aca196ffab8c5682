"""Operator commands. Exit codes: 0 done, 1 refused or failed with a line on stderr that says why, 2 wrong usage."""

import sys
from typing import Annotated

import typer

from ..database import SchemaMismatch
from ..settings import InvalidSettings
from ..signing_keys import UnreadableKey
from . import keys, users
from .opened import CommandRefused

app = typer.Typer(
    help="auth-service: accounts, sessions and tokens. Settings come from AUTH_* variables; see README.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")

Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


@app.command()
def serve(host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1", port: Port = 8081) -> None:
    """Serve HTTP until SIGTERM, which finishes the requests that are under way."""
    from .serving import serve as run

    run(host, port)


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version's. Safe to repeat, and while others do the same."""
    from ..migrations import HEAD
    from ..migrations import migrate as run
    from ..settings import load_settings

    run(load_settings().database_url.get_secret_value())
    typer.echo(f"The schema is at {HEAD}.")


def main() -> None:
    try:
        app()
    except (InvalidSettings, SchemaMismatch, UnreadableKey, CommandRefused) as error:
        for line in str(error).splitlines():
            typer.echo(f"auth-service: {line}", err=True)
        sys.exit(1)
