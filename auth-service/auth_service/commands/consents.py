"""`consents`: lists and withdraws the consents that people gave to clients."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..grants import consents
from ..grants.consents import Consent, Withdrawn
from ..store.instants import utc_now
from ..tokens import removed_access
from ..tokens.removed_access import loss_of
from .named_accounts import Who, get_account
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show, show_pages
from .registrations import load_resources

app = typer.Typer(help="Consents: the access that people allowed to clients.", no_args_is_help=True)
PAGE = 500

Whose = Annotated[str, typer.Option("--user", metavar="ID_OR_EMAIL", help="Only this account's.")]
OneResource = Annotated[str, typer.Option("--resource", metavar="URI", help="Only this API of several.")]
ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id.")]


def record_of(consent: Consent) -> Record:
    return {
        "account_id": consent.account_id,
        "client_id": consent.client_id,
        "resource": consent.resource,
        "scope": " ".join(sorted(consent.scopes)),
        "created_at": consent.created_at.isoformat(timespec="milliseconds"),
        "updated_at": consent.updated_at.isoformat(timespec="milliseconds"),
    }


@app.command("list")
def list_(user: Whose = "", as_json: AsJson = False) -> None:
    """List consents, ordered by account."""
    run(show_pages(_pages(user), as_json=as_json))


@app.command()
def withdraw(
    who: Who, client_id: ClientId, resource: OneResource = "", yes: Yes = False, as_json: AsJson = False
) -> None:
    """Delete an account's consents to a client, and end the client's grants for that account.

    With --resource the client loses that API only: its grants live on, and their access tokens are revoked. The person
    is asked again the next time. Other clients are not affected.
    """
    what = f"for {resource}" if resource else "and end its grants"
    confirm(f"Withdraw the consents of {who} to {client_id}, {what}?", yes=yes)
    show([run(transact(_withdraw, who, client_id, resource))], as_json=as_json)


async def _pages(user: str) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        account_id = (await get_account(session, user)).id if user else None
        after = ("", "", "")
        while page := await consents.list_consents(session, account_id=account_id, after=after, limit=PAGE):
            after = (page[-1].account_id, page[-1].client_id, page[-1].resource)
            yield list(map(record_of, page))


async def _withdraw(session: AsyncSession, who: str, client_id: str, resource: str) -> Record:
    account = await get_account(session, who)
    now = utc_now()
    if resource:
        api = (await load_resources(session)).find(resource)
        if api is None:
            raise CommandRefused(f"there is no API {resource!r}")
        withdrawn: Withdrawn = await removed_access.withdraw(session, account.id, client_id, loss_of(api), now=now)
    else:
        withdrawn = await consents.withdraw(session, account.id, client_id, now=now)
    if withdrawn.consents or withdrawn.grants:
        await record(
            session, "consent_withdrawn", now=now, account_id=account.id, client_id=client_id, resource=resource or None
        )
    if not withdrawn.consents and not withdrawn.grants:
        raise CommandRefused("the account has no consent to this client, and the client has no grant")
    return {
        "account_id": account.id,
        "client_id": client_id,
        "consents_withdrawn": withdrawn.consents,
        "grants_ended": withdrawn.grants,
    }
