"""Who has a role, as an operator names it: an account, or a client with tokens of its own."""

from typing import Annotated

import typer
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..clients import clients
from ..clients.clients import Client
from ..oauth.metadata_values import CLIENT_CREDENTIALS
from .named_accounts import get_account
from .opened import CommandRefused

Holder = Annotated[
    str, typer.Argument(metavar="WHO", help="An account's id or e-mail address, or the client_id of a service.")
]


Ends = Annotated[
    bool,
    typer.Option(
        "--now", help="End the access tokens that were issued before, at all clients. Sessions and refresh tokens stay."
    ),
]


def only(account: Account) -> Select[str]:
    """A query for the id of this account alone."""
    return select(Account.id).where(Account.id == account.id)


async def lock_account(session: AsyncSession, who: str) -> Account:
    """The account, locked until the transaction ends. Raises CommandRefused."""
    account = await get_account(session, who)
    if not await accounts.lock(session, account.id):
        raise CommandRefused(f"there is no account {who!r}")
    return account


async def find_service(session: AsyncSession, who: str) -> Client | None:
    """The client that is named, or None: an account is. Raises CommandRefused unless it gets tokens of its own."""
    client = await clients.find(session, who)
    if client is not None and CLIENT_CREDENTIALS not in client.registration.grant_types:
        raise CommandRefused(
            f"{who}: only a client with the grant type {CLIENT_CREDENTIALS} has roles of its own; others act for people"
        )
    return client
