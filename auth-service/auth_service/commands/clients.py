"""`clients`: manages OAuth clients. Metadata is JSON as in RFC 7591, on standard input and output."""

import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import clients
from ..clients.clients import Client
from ..clients.information import describe
from ..store.instants import utc_now
from . import algorithms, blocking, provisioning
from .durations import parse_duration
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show_pages
from .registrations import check_registration, load_resources, read_metadata, record_of

app = typer.Typer(help="OAuth clients: the programs that get tokens.", no_args_is_help=True)
app.add_typer(blocking.app)
app.add_typer(provisioning.app)  # without a name: its commands are this group's
PAGE = 500
MAX_OVERLAP = timedelta(days=30)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id.")]
Revoke = Annotated[bool, typer.Option("--revoke", help="End the old secrets, all grants and the client's own tokens.")]
Overlap = Annotated[str, typer.Option(metavar="DURATION", help="How long the old secret stays valid, at most P30D.")]


@app.command()
def create() -> None:
    """Register a client. Reads its metadata from standard input, and prints the client with its secret.

    The secret is shown only now. Unknown members are ignored, and named on standard error.
    """
    _print(run(_create(read_metadata())))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all clients, ordered by id."""
    run(show_pages(_pages(), as_json=as_json))


@app.command("show")
def show_(client_id: ClientId) -> None:
    """Show one client, without its secret."""
    _print(run(_show(client_id)))


@app.command()
def update(client_id: ClientId) -> None:
    """Replace all metadata of a client by the metadata on standard input (RFC 7592 §2.2).

    It takes effect within five seconds. If the client needs a secret now and had none, a new one is shown.
    """
    _print(run(_update(client_id, read_metadata())))


@app.command()
def rotate_secret(client_id: ClientId, overlap: Overlap = "P1D", revoke: Revoke = False, yes: Yes = False) -> None:
    """Give a client a new secret, shown only now. The old one stays valid for a day, or for the --overlap.

    At most two secrets are valid: rotating twice ends the oldest. With --revoke the old secrets end at once, and with
    them all the client's grants and its own tokens (client_credentials).
    """
    if revoke:
        confirm(f"Replace the secret of {client_id} and end all its grants?", yes=yes)
    overlapping = timedelta() if revoke else parse_duration(overlap, "--overlap", timedelta(), MAX_OVERLAP)
    _print(run(transact(_rotate_secret, client_id, overlapping, revoke=revoke)))


@app.command()
def delete(client_id: ClientId, yes: Yes = False) -> None:
    """Delete a client for good, and end all its grants. It takes effect within five seconds."""
    confirm(f"Delete {client_id} for good?", yes=yes)
    _print(run(transact(_delete, client_id)))


async def _get_client(session: AsyncSession, client_id: str) -> Client:
    client = await clients.find(session, client_id)
    if client is None:
        raise CommandRefused(f"there is no client {client_id!r}")
    return client


def _print(members: dict[str, Any]) -> None:
    typer.echo(json.dumps(members, indent=2 if sys.stdout.isatty() else None))


async def _create(members: dict[str, Any]) -> dict[str, Any]:
    async with opened() as database, database.writing() as session:
        registration = check_registration(members, await load_resources(session))
        client, secret = await clients.register(session, registration, now=(now := utc_now()))
        await record(session, "client_registered", now=now, client_id=client.client_id)
        made = describe(client, registration, secret)
    await algorithms.begin_for_client(registration.members(), client.client_id)
    return made


async def _pages() -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        after = ""
        while page := await clients.list_clients(session, after=after, limit=PAGE):
            after = page[-1].client_id
            yield list(map(record_of, page))


async def _show(client_id: str) -> dict[str, Any]:
    async with opened() as database, database.reading() as session:
        client = await _get_client(session, client_id)
        return describe(client, client.registration)


async def _update(client_id: str, members: dict[str, Any]) -> dict[str, Any]:
    if members.get("client_id", client_id) != client_id:
        raise CommandRefused("client_id: the metadata belong to another client")
    async with opened() as database, database.writing() as session:
        registration = check_registration(members, await load_resources(session), client_id=client_id)
        client = await _get_client(session, client_id)
        secret = await clients.replace_registration(session, client, registration, now=(now := utc_now()))
        await record(session, "client_updated", now=now, client_id=client_id)
        made = describe(client, registration, secret)
    await algorithms.begin_for_client(registration.members(), client_id)
    return made


async def _rotate_secret(session: AsyncSession, client_id: str, overlap: timedelta, *, revoke: bool) -> dict[str, Any]:
    client, now = await _get_client(session, client_id), utc_now()
    secret = await clients.rotate_secret(session, client_id, overlap=overlap, now=now)
    if secret is None:
        raise CommandRefused("this client has no secret")
    if revoke:
        await clients.revoke_tokens(session, client_id, now=now)
    event = "client_secret_revoked" if revoke else "client_secret_rotated"
    await record(session, event, now=now, client_id=client_id)
    return describe(client, client.registration, secret)


async def _delete(session: AsyncSession, client_id: str) -> dict[str, Any]:
    gone = await _get_client(session, client_id)
    await clients.delete_client(session, client_id, now=(now := utc_now()))
    await record(session, "client_deleted", now=now, client_id=client_id)
    return describe(gone, gone.registration)
