"""`users set-username`: gives an account a user name, which clients are told as `preferred_username`."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.usernames import UsernameTaken, set_username
from ..audit.trail import record
from ..oauth.names import NotAName
from ..oauth.usernames import parse_username
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, run, transact
from .output import AsJson, Record, show

app = typer.Typer()


@app.command("set-username")
def set_username_(
    who: Who,
    username: Annotated[str | None, typer.Argument(help="The new user name.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Leave the account without a user name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give an account a user name. Nobody else ever gets one that an account has had."""
    if (username is None) != remove:
        raise CommandRefused("name the new user name, or add --remove")
    show([run(transact(_set_username, who, username))], as_json=as_json)


async def _set_username(session: AsyncSession, who: str, username: str | None) -> Record:
    account, now = await get_account(session, who), utc_now()
    try:
        parsed = None if username is None else parse_username(username)
        await set_username(session, account.id, parsed, now=now)
    except NotAName as error:
        raise CommandRefused(f"a user name {error}") from None
    except UsernameTaken:
        raise CommandRefused(f"the user name {parsed!r} belongs to another account, or did so") from None
    await session.refresh(account)
    await record(session, "username_changed", now=now, account_id=account.id)
    return record_of(account)
