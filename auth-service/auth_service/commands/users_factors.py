"""`users disable-second-factor`: for a person who has lost both the authenticator app and the recovery codes.

`users require-second-factor`: for an account that has to have one.
"""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.factors.second_factor import disable, require
from ..audit.trail import record
from ..mail.kinds import Kind
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .notices import tell
from .opened import CommandRefused, Yes, confirm, run, transact
from .output import AsJson, Record, show

app = typer.Typer()


@app.command()
def disable_second_factor(who: Who, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an account's authenticator app and recovery codes: the password alone signs in. Sessions go on.

    A confirmed address is told by mail.

    Make sure that it is the account's owner who asks.
    """
    confirm(f"Let {who} sign in with the password alone?", yes=yes)
    show([run(transact(_disable, who))], as_json=as_json)


@app.command()
def require_second_factor(
    who: Who,
    off: Annotated[bool, typer.Option("--off", help="Leave it to the person again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a person set up a second factor at the next sign-in. Sessions go on; `users revoke-sessions` ends them."""
    show([run(transact(_require, who, off=off))], as_json=as_json)


async def _require(session: AsyncSession, who: str, *, off: bool) -> Record:
    account, now = await get_account(session, who), utc_now()
    await require(session, account.id, None if off else account.second_factor_required_at or now)
    event = "second_factor_left_to_person" if off else "second_factor_required"
    await record(session, event, now=now, account_id=account.id)
    await session.refresh(account)
    return record_of(account)


async def _disable(session: AsyncSession, who: str) -> Record:
    account, now = await get_account(session, who), utc_now()
    if not await disable(session, account.id, now=now):
        raise CommandRefused(f"{account.email} has no second factor")
    tell(session, account, Kind.SECOND_FACTOR_REMOVED, now)
    await record(session, "second_factor_disabled", now=now, account_id=account.id)
    await session.refresh(account)
    return record_of(account)
