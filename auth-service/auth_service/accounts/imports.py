"""Accounts from another system, stored many at a time: with their hashes, authenticator apps and user names.

A batch is one transaction. What is there already is left alone, so a run that was cut off can be repeated.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record_each
from ..store import identifiers
from ..store.rows import insert_into
from .accounts import CREDENTIAL, Account, Identity
from .factors.totp_factors import TotpFactors
from .usernames import GivenUsername, hash_of

EVENT = "account_imported"


@dataclass(frozen=True)
class Person:
    """One account to import. Every value is checked, except whether it is free."""

    line: int  # of the file
    id: str | None  # None: a new one is drawn
    email: str
    email_verified: bool
    name: str
    username: str | None
    created_at: datetime | None
    suspended: bool
    password_hash: str | None = field(repr=False)  # as it is stored; None: no password
    totp_secret: str | None = field(repr=False)


@dataclass
class Stored:
    """The result of a batch."""

    imported: int = 0
    present: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)  # line, reason


class Overtaken(Exception):
    """Somebody else took an address, id or user name meanwhile: try the batch again."""


async def store_people(
    session: AsyncSession, apps: TotpFactors, people: Sequence[Person], *, now: datetime, only_checks: bool = False
) -> Stored:
    """Store the people who are not there yet, in the caller's transaction.

    Args:
        only_checks: return the result that the import would have, and store nothing.

    Raises:
        Overtaken: let it leave the transaction.
    """
    stored, chosen = Stored(), {}
    taken = await _find_taken(session, people)
    for person in people:
        account_id = person.id or identifiers.draw()
        holder = taken.emails.get(person.email)
        if person.id in taken.ids or (holder is not None and person.id in (None, holder)):
            stored.present += 1
        elif holder is not None:
            stored.refused.append((person.line, "email: the address belongs to an account with another id"))
        elif person.username is not None and taken.usernames.get(hash_of(person.username), account_id) != account_id:
            stored.refused.append((person.line, "username: it belongs to another account, or did so"))
        else:
            taken.add(person, account_id)
            chosen[account_id] = person
    if chosen and not only_checks:
        await _insert(session, apps, chosen, now)
    stored.imported = len(chosen)
    return stored


@dataclass
class _Taken:
    emails: dict[str, str]  # address to account
    ids: set[str]
    usernames: dict[str, str]  # hash of the user name to account

    def add(self, person: Person, account_id: str) -> None:
        self.emails[person.email] = account_id
        self.ids.add(account_id)
        if person.username is not None:
            self.usernames[hash_of(person.username)] = account_id


async def _find_taken(session: AsyncSession, people: Sequence[Person]) -> _Taken:
    ids = [person.id for person in people if person.id is not None]
    named = or_(Account.email.in_([person.email for person in people]), Account.id.in_(ids))
    emails = {row.email: row.id for row in await session.execute(select(Account.email, Account.id).where(named))}
    hashes = [hash_of(person.username) for person in people if person.username is not None]
    return _Taken(emails, set(emails.values()), await _find_owners(session, hashes) if hashes else {})


async def _find_owners(session: AsyncSession, hashes: Collection[str]) -> dict[str, str]:
    """The account that each of these user names was given to."""
    given = await session.scalars(select(GivenUsername).where(GivenUsername.username_hash.in_(hashes)))
    return {row.username_hash: row.account_id for row in given}


async def _insert(session: AsyncSession, apps: TotpFactors, chosen: dict[str, Person], now: datetime) -> None:
    """Insert all rows. The indexes decide between this and what others do at the same time. Raises Overtaken."""
    rows = [_account(account_id, person, now) for account_id, person in chosen.items()]
    made = insert_into(session, Account).values(rows).on_conflict_do_nothing().returning(Account.id)
    if len((await session.scalars(made)).all()) != len(rows):
        raise Overtaken
    names = {hash_of(person.username): id_ for id_, person in chosen.items() if person.username is not None}
    if names:
        given = [{"username_hash": each, "account_id": id_, "created_at": now} for each, id_ in names.items()]
        await session.execute(insert_into(session, GivenUsername).values(given).on_conflict_do_nothing())
        if await _find_owners(session, names) != names:
            raise Overtaken
    for account_id, person in chosen.items():
        if person.password_hash is not None:
            session.add(_identity(account_id, person.password_hash, now))
        if person.totp_secret is not None:
            session.add(apps.adopted(account_id, person.totp_secret, now=now))
    await record_each(session, EVENT, list(chosen), now=now)


def _account(account_id: str, person: Person, now: datetime) -> dict[str, object]:
    return {
        "id": account_id,
        "email": person.email,
        "email_verified": person.email_verified,
        "name": person.name,
        "username": person.username,
        "created_at": person.created_at or now,
        "updated_at": now,
        "suspended_at": now if person.suspended else None,
        "second_factor_at": now if person.totp_secret is not None else None,
    }


def _identity(account_id: str, password_hash: str, now: datetime) -> Identity:
    return Identity(
        id=identifiers.draw(),
        account_id=account_id,
        provider_id=CREDENTIAL,
        subject=account_id,
        password_hash=password_hash,
        created_at=now,
        updated_at=now,
    )
