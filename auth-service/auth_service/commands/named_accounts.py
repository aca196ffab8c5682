"""Accounts in commands: found by id or e-mail address, and shown as a record."""

from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from .opened import CommandRefused
from .output import Record

Who = Annotated[str, typer.Argument(metavar="ID_OR_EMAIL", help="The account's id or its e-mail address.")]


async def get_account(session: AsyncSession, who: str) -> Account:
    """The account. Raises CommandRefused if there is none."""
    account = await accounts.find(session, who)
    if account is None:
        raise CommandRefused(f"there is no account {who!r}")
    return account


def record_of(account: Account, **further: str | int) -> Record:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "username": account.username,
        "email_verified": account.email_verified,
        "status": "active" if account.suspended_at is None else "suspended",
        "second_factor": _second_factor_of(account),
        "created_at": account.created_at.isoformat(timespec="milliseconds"),
        **further,
    }


def _second_factor_of(account: Account) -> str:
    """Off, on, or required of this account and not set up yet."""
    if account.second_factor_at is not None:
        return "on"
    return "off" if account.second_factor_required_at is None else "required"
