"""`clients provision`: a client under an id and a secret that the deployment has chosen, as often as it is deployed."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..clients import clients
from ..sealed.versioned_secrets import MIN_LENGTH, looks_like_a_default
from ..store.instants import utc_now
from .opened import CommandRefused, opened, run
from .registrations import check_registration, read_metadata

app = typer.Typer()

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="client_ and 32 letters and digits.")]
SecretFile = Annotated[Path, typer.Option(metavar="FILE", help="Where the client finds its secret, too.")]


@app.command()
def provision(client_id: ClientId, secret_file: SecretFile) -> None:
    """Register a client, or bring it to what is said here: metadata on standard input, the secret in a file.

    For deployments that know their services beforehand. Repeating it changes nothing. Another secret than before
    replaces it at once; where nothing may be refused meanwhile, use `rotate-secret`.
    """
    run(_provision(client_id, read_metadata(), _read_secret(secret_file)))
    typer.echo(client_id)


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandRefused(f"{path} cannot be read: {type(error).__name__}") from error
    if len(secret) < MIN_LENGTH or not secret.isprintable() or looks_like_a_default(secret):
        raise CommandRefused(
            f"{path} holds no secret of {MIN_LENGTH} characters drawn at random (openssl rand -base64 48)"
        )
    return secret


async def _provision(client_id: str, members: dict[str, Any], secret: str) -> None:
    registration = check_registration(members)
    if not registration.uses_secret:
        raise CommandRefused("token_endpoint_auth_method: only a client with a secret is provisioned with one")
    if not clients.is_client_id(client_id):
        raise CommandRefused(f"a client id is {clients.PREFIX} and 32 letters and digits")
    async with opened() as database, database.writing() as session:
        await clients.provision(session, client_id, registration, secret, now=utc_now())
