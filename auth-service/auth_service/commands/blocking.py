"""`clients block` and `unblock`: clients with a metadata document, which a deletion alone would not keep away."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import clients, document_clients
from ..oauth.client_documents import is_document_url
from ..store.instants import utc_now
from .opened import CommandRefused, Yes, confirm, run, transact

app = typer.Typer()

Url = Annotated[str, typer.Argument(metavar="URL", help="The client_id: the URL of the metadata document.")]


@app.command()
def block(url: Url, yes: Yes = False) -> None:
    """Cut off a client with a metadata document: its grants and consents end, and nobody can allow it again.

    It takes effect within five seconds. The URL need not be known yet.
    """
    if not is_document_url(url):
        raise CommandRefused("URL must be that of a metadata document; delete any other client")
    confirm(f"Block {url} and end all its grants?", yes=yes)
    typer.echo(f"auth-service: {run(transact(_block, url))} grants ended", err=True)
    typer.echo(url)


@app.command()
def unblock(url: Url) -> None:
    """Let people allow a blocked client again. What had ended stays ended."""
    run(transact(_unblock, url))
    typer.echo(url)


async def _block(session: AsyncSession, url: str) -> int:
    ended = await document_clients.block(session, url, now=(now := utc_now()))
    await record(session, "client_blocked", now=now, client_id=url)
    return ended


async def _unblock(session: AsyncSession, url: str) -> None:
    if not await document_clients.is_blocked(session, url):
        raise CommandRefused(f"{url!r} is not blocked")
    await clients.delete_client(session, url, now=(now := utc_now()))
    await record(session, "client_unblocked", now=now, client_id=url)
