"""The password of a person who is signed in, asked for before an important change."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..accounts.accounts import Account, find_password_hash
from ..accounts.passwords import MAX_LENGTH, utf16_length
from ..store.database import Database
from .guessing import GuessingParts, Tried, WrongPassword, place_in_queue, verify_password


@dataclass(frozen=True)
class ConfirmingParts(GuessingParts):
    database: Database


async def confirm_password(
    request: Request, parts: ConfirmingParts, now: datetime, account: Account, password: str
) -> None:
    """Compare the password. A live session counts as a known device, as strangers must not hold its owner.

    Raises:
        WrongPassword, TooManyAttempts, TooBusy
    """
    async with parts.database.reading() as session:
        password_hash = await find_password_hash(session, account.id)
    if password_hash is None or not password or utf16_length(password) > MAX_LENGTH:
        raise WrongPassword
    tried = Tried(account.email, password_hash, password)
    with place_in_queue(request, parts.passwords) as place:
        attempt = await verify_password(request, parts, now, place, tried, knows_device=True)
    async with parts.database.writing() as session:
        await parts.attempts.succeeded(session, attempt)
