"""`users`: creates, lists and changes accounts."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.account_lists import Order, list_accounts
from ..accounts.accounts import Account, EmailTaken, replace_password_hash
from ..accounts.email_addresses import parse_email
from ..accounts.sign_ups import create_account
from ..accounts.weak_passwords import about
from ..audit.trail import record
from ..oauth.names import NotAName, parse_name
from ..sessions.browser_sessions import end_sessions
from ..store.instants import utc_now
from . import (
    users_access,
    users_email,
    users_factors,
    users_import,
    users_passkeys,
    users_profile,
    users_upstreams,
    users_username,
)
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, opened, run
from .output import AsJson, Record, show, show_pages
from .typed_passwords import hash_acceptable, read_password

app = typer.Typer(help="Accounts: the people who sign in.", no_args_is_help=True)
PAGE = 500

Search = Annotated[str, typer.Option(metavar="TEXT", help="Only accounts with TEXT in address, name or user name.")]
OrderedBy = Annotated[Order, typer.Option(help="The order of the list.")]
Limit = Annotated[int | None, typer.Option(min=1, metavar="N", help="At most N accounts. Default: all.")]


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The e-mail address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that is shown.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an account. The password is asked for, or read from the first line of standard input."""
    show([run(_create(email, name, read_password()))], as_json=as_json)


@app.command("list")
def list_(search: Search = "", order: OrderedBy = "id", limit: Limit = None, as_json: AsJson = False) -> None:
    """List accounts: all of them ordered by id, or as the options say."""
    run(show_pages(_pages(order, search, limit), as_json=as_json))


@app.command("show")
def show_(who: Who, as_json: AsJson = False) -> None:
    """Show one account."""
    show([run(_show(who))], as_json=as_json)


@app.command()
def set_password(
    who: Who,
    keep_sessions: Annotated[bool, typer.Option("--keep-sessions", help="Do not end the account's sessions.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set a new password, read in the same way as in `create`, and end all sessions of the account."""
    show([run(_set_password(who, keep_sessions=keep_sessions))], as_json=as_json)


app.add_typer(users_import.app)
app.add_typer(users_email.app)
app.add_typer(users_username.app)
app.add_typer(users_profile.app)
app.add_typer(users_factors.app)
app.add_typer(users_passkeys.app)
app.add_typer(users_upstreams.app)
app.add_typer(users_access.app)  # without a name: its commands are this group's


async def _create(email: str, name: str, password: str) -> Record:
    parsed = parse_email(email)
    try:
        name = parse_name(name)
    except NotAName as error:
        raise CommandRefused(f"a name {error}") from None
    if parsed is None:
        raise CommandRefused(f"not an e-mail address: {email!r}")
    password_hash = await hash_acceptable(password, name, parsed)
    try:
        async with opened() as database, database.writing() as session:
            now = utc_now()
            account = await create_account(
                session, email=parsed, name=name, image=None, password_hash=password_hash, now=now
            )
            await record(session, "account_created", now=now, account_id=account.id)
            return record_of(account)
    except EmailTaken:
        raise CommandRefused(f"{parsed} already has an account") from None


async def _pages(order: Order, search: str, limit: int | None) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        left, after = sys.maxsize if limit is None else limit, None
        while page := await list_accounts(session, order=order, search=search, after=after, limit=min(PAGE, left)):
            after = page[-1]
            left -= len(page)
            yield list(map(record_of, page))


async def _show(who: str) -> Record:
    async with opened() as database, database.reading() as session:
        return users_profile.with_profile(await get_account(session, who))


async def _set_password(who: str, *, keep_sessions: bool) -> Record:
    """Find the account before asking for a password; hold no transaction while hashing."""
    async with opened() as database:
        async with database.reading() as session:
            account = await get_account(session, who)
        password_hash = await hash_acceptable(read_password(), *about(account))
        return await database.transact(_replace_password, account, password_hash, keep_sessions=keep_sessions)


async def _replace_password(
    session: AsyncSession, account: Account, password_hash: str, *, keep_sessions: bool
) -> Record:
    if not await replace_password_hash(session, account.id, password_hash, replacing=None, now=utc_now()):
        raise CommandRefused(f"{account.email} has no password to replace")
    ended = 0 if keep_sessions else await end_sessions(session, account.id, now=utc_now())
    await record(session, "password_changed", now=utc_now(), account_id=account.id, sessions=ended)
    return record_of(account, sessions_ended=ended)
