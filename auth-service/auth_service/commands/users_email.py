"""`users set-email`: changes an account's e-mail address, or says that it is verified."""

from typing import Annotated

import typer

from ..accounts import accounts
from ..accounts.accounts import EmailTaken, find, replace_email
from ..accounts.email_addresses import parse_email
from ..accounts.factors import recoveries
from ..audit.trail import record
from ..mail.links import void_all_links
from ..store.instants import utc_now
from .named_accounts import Who, get_account, record_of
from .opened import CommandRefused, opened, run
from .output import AsJson, Record, show

app = typer.Typer()


@app.command()
def set_email(
    who: Who,
    email: Annotated[str, typer.Argument(help="The new address, or the present one to change --verified only.")],
    verified: Annotated[
        bool, typer.Option("--verified", help="You know that the address is the person's: clients are told so.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change the address that an account signs in with. Sessions and applications go on."""
    show([run(_set_email(who, email, verified=verified))], as_json=as_json)


async def _set_email(who: str, email: str, *, verified: bool) -> Record:
    parsed = parse_email(email)
    if parsed is None:
        raise CommandRefused(f"not an e-mail address: {email!r}")
    try:
        async with opened() as database, database.writing() as session:
            account = await get_account(session, who)
            if parsed != account.email:
                await accounts.lock(session, account.id)
                await void_all_links(session, account.id, now=utc_now())
                await recoveries.end(session, account.id, now=utc_now())
            await replace_email(session, account.id, parsed, verified=verified, now=(now := utc_now()))
            changed = await find(session, account.id)
            if changed is None:
                raise CommandRefused(f"there is no account {who!r}")
            await session.refresh(changed)
            await record(session, "email_changed", now=now, account_id=account.id)
            return record_of(changed)
    except EmailTaken:
        raise CommandRefused(f"{parsed} already has an account") from None
