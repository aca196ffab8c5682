"""`users remove-passkeys`: for a person whose devices were lost, or to whose account somebody else has added one."""

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.passkeys.passkeys import remove_all
from ..audit.trail import record
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, Yes, confirm, run, transact
from .output import AsJson, Record, show

app = typer.Typer()


@app.command()
def remove_passkeys(who: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete all passkeys of an account. Sessions go on; `users revoke-sessions` ends them.

    Make sure that it is the account's owner who asks, and that another way to sign in is left.
    """
    confirm(f"Delete all passkeys of {who}?", yes=yes)
    show([run(transact(_remove, who))], as_json=as_json)


async def _remove(session: AsyncSession, who: str) -> Record:
    account, now = await get_account(session, who), utc_now()
    await accounts.lock(session, account.id)
    removed = await remove_all(session, account.id)
    if not removed:
        raise CommandRefused(f"{account.email} has no passkey")
    await record(session, "passkeys_removed", now=now, account_id=account.id, passkeys=removed)
    return record_of(account)
