"""`secrets`: rotates the secret that signs cookies."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from ..audit.trail import record
from ..sealed.secret_files import replace_secrets
from ..sealed.versioned_secrets import rotate_secrets
from ..settings.settings import PREFIX, load_settings
from ..store.instants import utc_now
from .opened import CommandRefused, Yes, confirm, opened, run
from .output import AsJson, show

app = typer.Typer(help="The secret that signs cookies.", no_args_is_help=True)
VARIABLE = f"{PREFIX}SECRET_FILE"

Keep = Annotated[int | None, typer.Option(min=0, metavar="N", help="Keep only the N newest of the older secrets.")]


@app.callback()
def secrets() -> None:
    """The secret that signs cookies."""


@app.command()
def rotate(keep: Keep = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Add a new secret to AUTH_SECRET_FILE as the newest. Services use it after a restart.

    Older secrets stay, unless --keep limits them, so that their cookies stay valid. Dropping a secret signs out
    everyone whose cookie it signed. Counts of sign-in attempts start from zero.
    """
    held = load_settings().versioned("secret")
    path = os.environ.get(VARIABLE)
    if not path:
        raise CommandRefused(f"the secret is set in the environment, which a command cannot change: use {VARIABLE}")
    if keep is not None and keep < len(held):
        confirm(f"Drop {len(held) - keep} older secrets and sign out everyone whose cookie they signed?", yes=yes)
    changed = run(_rotate(Path(path), keep))
    show([{"version": max(changed), "kept": len(changed) - 1, "file": path}], as_json=as_json)
    typer.echo("auth-service: restart all auth-services together to use it", err=True)


async def _rotate(path: Path, keep: int | None) -> Collection[int]:
    """Replace the file, and record it. Returns the versions. A database that does not answer leaves the file alone."""
    async with opened() as database, database.writing() as session:
        await session.connection()  # so that a database that does not answer is noticed before the file is replaced
        try:
            changed = replace_secrets(path, lambda held: rotate_secrets(held, keep=keep))
        except OSError as error:
            raise CommandRefused(f"{path} cannot be replaced: {error.strerror}") from error
        await record(session, "cookie_secret_rotated", now=utc_now(), version=max(changed), kept=len(changed) - 1)
    return changed
