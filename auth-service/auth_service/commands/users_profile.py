"""`users set-profile`: gives an account optional claims, such as a telephone number (OpenID Connect Core §5.1)."""

from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..accounts.profiles import set_profile
from ..audit.trail import record
from ..oauth.profile import InvalidProfile, parse_profile
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, run, transact
from .output import AsJson, Record, show
from .registrations import read_object

app = typer.Typer()


@app.command("set-profile")
def set_profile_(who: Who, as_json: AsJson = False) -> None:
    """Replace the optional claims of an account by a JSON object on standard input; {} removes all of them.

    Clients are told them under the scopes profile, address and phone.
    """
    show([run(transact(_set_profile, who, read_object("claims")))], as_json=as_json)


def with_profile(account: Account) -> Record:
    """The record of the account, with its claims as JSON."""
    return record_of(account, **({"profile": account.profile} if account.profile else {}))


async def _set_profile(session: AsyncSession, who: str, members: dict[str, Any]) -> Record:
    account, now = await get_account(session, who), utc_now()
    try:
        profile = parse_profile(members)
    except InvalidProfile as error:
        raise CommandRefused(str(error)) from None
    await set_profile(session, account.id, profile, now=now)
    await session.refresh(account)
    await record(session, "profile_changed", now=now, account_id=account.id)
    return with_profile(account)
