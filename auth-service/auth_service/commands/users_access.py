"""`users suspend|activate|revoke-sessions|delete`: remove and restore access.

Commands that remove access ask for confirmation. They are in force when they return: an ended session is refused at its
next request. Resource servers refuse access tokens that were issued before within seconds.
"""

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import set_suspended
from ..accounts.factors import recoveries
from ..audit.trail import record
from ..sessions.browser_sessions import delete_with_sessions, end_sessions
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import Yes, confirm, run, transact
from .output import AsJson, Record, show

app = typer.Typer()


@app.command()
def suspend(who: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """Prevent an account from signing in, and end all its sessions."""
    confirm(f"Suspend {who} and end all their sessions?", yes=yes)
    show([run(transact(_suspend, who))], as_json=as_json)


@app.command()
def activate(who: Who, as_json: AsJson = False) -> None:
    """Allow a suspended account to sign in again."""
    show([run(transact(_activate, who))], as_json=as_json)


@app.command()
def revoke_sessions(who: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """End all sessions of an account. The person may sign in again."""
    confirm(f"End all sessions of {who}?", yes=yes)
    show([run(transact(_revoke_sessions, who))], as_json=as_json)


@app.command()
def delete(who: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an account for good, with its identities and sessions."""
    confirm(f"Delete {who} for good?", yes=yes)
    show([run(transact(_delete, who))], as_json=as_json)


async def _suspend(session: AsyncSession, who: str) -> Record:
    """Suspend the account; if it is suspended already, it keeps the earlier time.

    A recovery ends: its owner could not stop it meanwhile, and its delay would be over at the activation.
    """
    account, now = await get_account(session, who), utc_now()
    ended = await end_sessions(session, account.id, now=now)
    await set_suspended(session, account.id, account.suspended_at or now, now=now)
    await recoveries.end(session, account.id, now=now)
    await record(session, "account_suspended", now=now, account_id=account.id)
    return record_of(account, sessions_ended=ended)


async def _activate(session: AsyncSession, who: str) -> Record:
    account = await get_account(session, who)
    await set_suspended(session, account.id, None, now=(now := utc_now()))
    await record(session, "account_activated", now=now, account_id=account.id)
    return record_of(account)


async def _revoke_sessions(session: AsyncSession, who: str) -> Record:
    account = await get_account(session, who)
    ended = await end_sessions(session, account.id, now=(now := utc_now()))
    await record(session, "sessions_revoked", now=now, account_id=account.id, sessions=ended)
    return record_of(account, sessions_ended=ended)


async def _delete(session: AsyncSession, who: str) -> Record:
    account = await get_account(session, who)
    ended = await delete_with_sessions(session, account.id, now=(now := utc_now()))
    await record(session, "account_deleted", now=now, account_id=account.id)
    return {**record_of(account, sessions_ended=ended), "status": "deleted"}
