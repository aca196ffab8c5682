"""`clients provision`: creates or updates a client whose id and secret the deployment chose; safe to repeat."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..audit.trail import record
from ..clients import clients
from ..clients.clients import SecretEnded
from ..clients.secret_files import UnusableSecretFile, is_safe_in_basic, read_secret
from ..store.instants import utc_now
from . import algorithms
from .key_withdrawal import written
from .opened import CommandRefused, opened, run
from .registrations import check_registration, load_resources, read_metadata

app = typer.Typer()

ClientId = Annotated[
    str,
    typer.Argument(metavar="CLIENT_ID", help="client_ and 32 letters and digits; or web, which has no secret."),
]
SecretFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The file from which the client reads its secret, too.")
]


@app.command()
def provision(client_id: ClientId, secret_file: SecretFile = None) -> None:
    """Deprecated, see `apply`. Create or update a client from metadata on standard input and a secret in a file.

    For deployments whose services are known in advance. Repeating it changes nothing. A different secret replaces the
    old one at once; to keep the old one valid for a while, use `rotate-secret`. A secret that `rotate-secret` has
    replaced or revoked is refused.
    """
    secret = None if secret_file is None else _read_secret(secret_file)
    run(_provision(client_id, read_metadata(), secret, secret_file))
    typer.echo(client_id)


def _read_secret(path: Path) -> str:
    try:
        secret = read_secret(path)
    except UnusableSecretFile as error:
        raise CommandRefused(str(error)) from error
    if not is_safe_in_basic(secret):
        typer.echo(
            f"auth-service: {path}: a client must percent-encode the secret's + and % for HTTP Basic (RFC 6749 "
            "§2.3.1), which `curl -u` does not; openssl rand -hex 32 makes a secret without them",
            err=True,
        )
    return secret


async def _provision(client_id: str, members: dict[str, Any], secret: str | None, file: Path | None) -> None:
    if not clients.is_client_id(client_id) or client_id == clients.PERSONAL_CLIENT_ID:
        raise CommandRefused(
            f"CLIENT_ID must be {clients.PREFIX} followed by 32 letters and digits, or {clients.WEB_CLIENT_ID}"
        )
    try:
        async with opened() as database, database.writing() as session:
            registration = check_registration(members, await load_resources(session), client_id=client_id)
            if registration.uses_secret and secret is None:
                raise CommandRefused("--secret-file is missing: the token_endpoint_auth_method uses a secret")
            if secret is not None and not registration.uses_secret:
                raise CommandRefused("token_endpoint_auth_method: must be one that uses a secret")
            if await clients.provision(session, client_id, registration, secret, now=(now := utc_now())):
                await record(session, "client_provisioned", now=now, client_id=client_id)
        await algorithms.begin_for_client(registration.members(), client_id)
    except SecretEnded as error:
        raise CommandRefused(
            f"{client_id}: the secret in {file} was replaced or revoked on {written(error.ended_at)} and stays so: "
            "write a new one to that file (openssl rand -hex 32), restart its service, and provision again"
        ) from None
