"""`users disconnect`: for a person whose account somebody else has connected with another provider, or who lost one."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.factors import challenges
from ..accounts.upstreams.identities import list_upstream_identities, unlink
from ..audit.trail import record
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, Yes, confirm, run, transact
from .output import AsJson, Record, show

app = typer.Typer()

UpstreamId = Annotated[
    str | None, typer.Argument(metavar="UPSTREAM_ID", help="The provider's id; without it, all of them.")
]


@app.command()
def disconnect(who: Who, upstream_id: UpstreamId = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Disconnect an account from upstream providers. Sessions go on; `users revoke-sessions` ends them.

    Make sure that it is the account's owner who asks, and that another way to sign in is left.
    """
    confirm(f"Disconnect {who} from {upstream_id or 'all upstream providers'}?", yes=yes)
    show([run(transact(_disconnect, who, upstream_id))], as_json=as_json)


async def _disconnect(session: AsyncSession, who: str, upstream_id: str | None) -> Record:
    account, now = await get_account(session, who), utc_now()
    await accounts.lock(session, account.id)
    listed = await list_upstream_identities(session, account.id)
    gone = [each for each in listed if upstream_id in (None, each.upstream_id)]
    if not gone:
        raise CommandRefused(f"{account.email} is not connected with {upstream_id or 'any upstream provider'}")
    for each in gone:
        await unlink(session, account.id, each.id)
        await record(
            session,
            "upstream_unlinked",
            now=now,
            account_id=account.id,
            upstream=each.upstream_id,
            identity_id=each.id,
        )
    await challenges.end_all(session, account.id)  # a sign-in by it may wait for a code
    return record_of(account)
