"""`users`: the accounts."""

import sys
from getpass import getpass
from typing import Annotated

import typer

from .. import accounts
from ..accounts import Account, EmailTaken, create_account
from ..email_addresses import parse_email
from ..instants import utc_now
from ..passwords import MAX_LENGTH, MIN_LENGTH, PasswordHasher, utf16_length
from .opened import AsJson, CommandRefused, Record, opened, run, show

app = typer.Typer(help="Accounts: the people who sign in.", no_args_is_help=True)
PAGE = 500

Who = Annotated[str, typer.Argument(metavar="ID_OR_EMAIL", help="The account's id or its e-mail address.")]


def record_of(account: Account) -> Record:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "email_verified": account.email_verified,
        "created_at": account.created_at.isoformat(timespec="milliseconds"),
    }


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The e-mail address to sign in with.")],
    name: Annotated[str, typer.Option(help="The name that is shown.")] = "",
    as_json: AsJson = False,
) -> None:
    """Create an account. The password is asked for, or read as the first line of standard input."""
    show([run(_create(email, name, read_password()))], as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List every account, in the order of their ids."""
    show(run(_list()), as_json=as_json)


@app.command("show")
def show_(who: Who, as_json: AsJson = False) -> None:
    """Show one account."""
    show([run(_show(who))], as_json=as_json)


def read_password() -> str:
    """A password, never from the command line: other people on the machine can read that."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise CommandRefused("the two passwords differ")
    return password


async def _create(email: str, name: str, password: str) -> Record:
    parsed = parse_email(email)
    if parsed is None:
        raise CommandRefused(f"not an e-mail address: {email!r}")
    password_hash = await hash_acceptable(password)
    try:
        async with opened() as database, database.writing() as session:
            return record_of(
                await create_account(
                    session, email=parsed, name=name, image=None, password_hash=password_hash, now=utc_now()
                )
            )
    except EmailTaken:
        raise CommandRefused(f"{parsed} has an account already") from None


async def hash_acceptable(password: str) -> str:
    """The hash of a password that people may have. Raises CommandRefused."""
    if not MIN_LENGTH <= utf16_length(password) <= MAX_LENGTH:
        raise CommandRefused(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")
    hasher = PasswordHasher(threads=1, queue_limit=1)
    if await hasher.is_common(password, "operator"):
        raise CommandRefused("this password is among the most common ones")
    return await hasher.hash(password, "operator")


async def _list() -> list[Record]:
    records: list[Record] = []
    async with opened() as database, database.reading() as session:
        while page := await accounts.list_accounts(
            session, after=str(records[-1]["id"]) if records else "", limit=PAGE
        ):
            records += map(record_of, page)
    return records


async def _show(who: str) -> Record:
    async with opened() as database, database.reading() as session:
        account = await accounts.find(session, who)
    if account is None:
        raise CommandRefused(f"there is no account {who!r}")
    return record_of(account)
