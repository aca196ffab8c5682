"""Starting the recovery of an account whose second factor is lost; recovery.py has what becomes of it.

Whoever starts one has passed the first step of a sign-in: the password, or the account's mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import challenges, recoveries
from ..accounts.factors.challenges import Challenge
from ..accounts.passkeys.passkeys import count_passkeys
from ..audit.trail import record
from ..http.current_session import device_of
from ..mail.kinds import Kind
from ..network.networks import networks_of
from .mailed_links import post_link
from .new_devices import UNKNOWN_ADDRESS
from .password_reset import ResetParts
from .required_factors import is_required
from .second_factor import FactorParts, NoChallenge


class Offer(Enum):
    """Whether an account can be recovered by mail, and why not."""

    YES = "yes"
    NO_MAIL = "no mail is sent here, or the operator has turned recovery off"
    REQUIRED = "the operator requires a second factor, so only an operator removes it"
    UNCONFIRMED = "the address is not confirmed: it may be somebody else's"


class NotOffered(Exception):
    def __init__(self, offer: Offer) -> None:
        super().__init__(offer.value)
        self.offer = offer


class AlreadyStarted(Exception):
    """A recovery of the account goes on as it is: nobody can make its delay longer."""


@dataclass(frozen=True)
class RecoveryParts(FactorParts, ResetParts):
    recovery_delay: timedelta | None


@dataclass(frozen=True)
class Waiting:
    """A sign-in that waits for a second factor, its account, and what can be done if that is lost."""

    challenge: Challenge
    account: Account
    offer: Offer


async def find_waiting(parts: RecoveryParts, challenge: Challenge) -> Waiting | None:
    """None: the account is gone, is suspended, or has no second factor."""
    async with parts.database.reading() as session:
        account = await accounts.find(session, challenge.account_id)
        if account is None or account.suspended_at is not None:
            return None
        if account.second_factor_at is None and not await count_passkeys(session, account.id):
            return None
        return Waiting(challenge, account, await find_offer(session, parts, account))


async def find_offer(session: AsyncSession, parts: RecoveryParts, account: Account) -> Offer:
    if parts.recovery_delay is None or not parts.outbox.is_on:
        return Offer.NO_MAIL
    if await is_required(session, parts.factor_checks, account.id):
        return Offer.REQUIRED
    return Offer.YES if account.email_verified else Offer.UNCONFIRMED


async def start_recovery(
    request: Request, parts: RecoveryParts, challenge: Challenge, now: datetime, **way: str
) -> None:
    """Start a recovery, and post the mail that begins its delay.

    Args:
        way: facts of the mail: the way back to the application that the person came from.

    Raises:
        NoChallenge, NotOffered, AlreadyStarted
        TooManyAttempts: too many mails or recoveries.
    """
    await parts.database.transact(_start, request, parts, challenge, now, way)


async def _start(
    session: AsyncSession,
    request: Request,
    parts: RecoveryParts,
    challenge: Challenge,
    now: datetime,
    way: Mapping[str, str],
) -> None:
    address = device_of(request).ip_address
    found = await accounts.find(session, challenge.account_id)
    if found is None:
        raise NoChallenge
    await parts.mail_budgets.take(session, found.email, networks_of(address), now=now)
    await parts.mail_budgets.take_recovery(session, found.id, now=now)
    if not await accounts.lock(session, found.id, active_only=True):
        raise NoChallenge
    await session.refresh(found)
    password_hash = await accounts.find_password_hash(session, found.id)
    is_same = challenges.hash_of_credential(password_hash) == challenge.credential_hash
    if not is_same or found.second_factor_at is None:
        raise NoChallenge
    offer = await find_offer(session, parts, found)
    if offer is not Offer.YES or parts.recovery_delay is None:
        raise NotOffered(offer)
    if not await recoveries.start(session, found.id, now=now):
        raise AlreadyStarted
    facts = {"time": f"{now:%Y-%m-%d %H:%M} UTC", "address": address or UNKNOWN_ADDRESS}
    told = {"started": now.isoformat(), "delay": str(int(parts.recovery_delay.total_seconds())), **facts, **way}
    post_link(session, request, parts.outbox, Kind.RECOVERY_STARTED, found.email, now, **told)
    await record(session, "recovery_started", now=now, account_id=found.id, amr=challenge.amr)
