"""Accounts of the people who sign in, and their identities.

An identity is one way to sign in. The password is that of the provider `credential`, with the account's id as subject.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, String, Text, UniqueConstraint, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..events import account_events
from ..oauth.names import MAX_LENGTH as NAME_MAX_LENGTH
from ..oauth.usernames import MAX_LENGTH as USERNAME_MAX_LENGTH
from ..store.instants import Instant
from ..store.rows import Row
from ..store.together import Asked, Found, send

CREDENTIAL = "credential"
EMAIL_MAX_LENGTH = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
IMAGE_MAX_LENGTH = 2048


class EmailTaken(Exception):
    """Another account has this address."""


class Account(Row):
    __tablename__ = "accounts"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_MAX_LENGTH), unique=True)  # lower case
    email_verified: Mapped[bool] = mapped_column(Boolean)
    name: Mapped[str] = mapped_column(String(NAME_MAX_LENGTH))
    image: Mapped[str | None] = mapped_column(String(IMAGE_MAX_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    suspended_at: Mapped[datetime | None] = mapped_column(Instant)  # None: active; otherwise sign-in is refused
    second_factor_at: Mapped[datetime | None] = mapped_column(Instant)  # None: a password is enough; set by factors/
    second_factor_required_at: Mapped[datetime | None] = mapped_column(Instant)  # by an operator, for this account
    username: Mapped[str | None] = mapped_column(String(USERNAME_MAX_LENGTH))  # set by usernames.py
    profile: Mapped[str | None] = mapped_column(Text)  # JSON: optional claims (profiles.py)
    language: Mapped[str | None] = mapped_column(String(8))  # of mails and pages (ISO 639); None: not chosen
    recovery_started_at: Mapped[datetime | None] = mapped_column(Instant)  # set by factors/recoveries.py, as the next
    recovery_ready_at: Mapped[datetime | None] = mapped_column(Instant)  # from when the mailed link replaces a factor


class Identity(Row):
    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("provider_id", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    provider_id: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


# Built once: building a statement takes longer than running it on SQLite.
_ONE = select(Account.id).where(Account.id == bindparam("account_id"))
_LOCK, _ACTIVE = _ONE.with_for_update(), _ONE.where(Account.suspended_at.is_(None))
_LOCK_ACTIVE, _HOLD_ACTIVE = _ACTIVE.with_for_update(), _ACTIVE.with_for_update(read=True)
_FIND_PASSWORD_HASH = select(Identity.password_hash).where(
    Identity.account_id == bindparam("account_id"), Identity.provider_id == CREDENTIAL
)


async def find_by_email_with_password(session: AsyncSession, email: str) -> tuple[Account, str | None] | None:
    """The account of an e-mail address and its password hash (None: no password), in one query. None: no account."""
    credential = (Identity.account_id == Account.id) & (Identity.provider_id == CREDENTIAL)
    query = select(Account, Identity.password_hash).outerjoin(Identity, credential).where(Account.email == email)
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def find(session: AsyncSession, id_or_email: str) -> Account | None:
    condition = Account.email == id_or_email.lower() if "@" in id_or_email else Account.id == id_or_email
    return await session.scalar(select(Account).where(condition))


async def lock(session: AsyncSession, account_id: str, *, active_only: bool = False) -> bool:
    """Lock the account until the transaction ends. False: it is gone, or suspended (`active_only`).

    Call it first in a transaction that changes more than one row of the account (store/__init__.py, "Locks").
    """
    return await session.scalar(_LOCK_ACTIVE if active_only else _LOCK, {"account_id": account_id}) is not None


async def list_identities(session: AsyncSession, account_id: str) -> Sequence[Identity]:
    query = select(Identity).where(Identity.account_id == account_id).order_by(Identity.created_at, Identity.id)
    return (await session.scalars(query)).all()


async def find_password_hash(session: AsyncSession, account_id: str) -> str | None:
    return await session.scalar(_FIND_PASSWORD_HASH, {"account_id": account_id})


def holding_password(account_id: str) -> Mapping[str, Asked]:
    """Lock the account until the transaction ends, if it is active, and read the hash of its password.

    The password is compared before the transaction begins. Meanwhile it may have been changed, or the account
    suspended, which ends all sessions. The lock ensures that no session is started after that. The password is read by
    a second statement: the first one may have waited, and would see the password of before.
    """
    whose = {"account_id": account_id}
    return {"active": Asked(_HOLD_ACTIVE, whose), "password": Asked(_FIND_PASSWORD_HASH, whose)}


def still_has(found: Found, password_hash: str) -> bool:
    """Whether the account is active and has the password of this hash, by the answers to `holding_password`."""
    return bool(found["active"]) and [*map(tuple, found["password"])] == [(password_hash,)]


async def lock_password(session: AsyncSession, account_id: str, password_hash: str) -> bool:
    """Whether the account is active and still has this password; locked as by `holding_password`."""
    return still_has(await send(session, holding_password(account_id)), password_hash)


async def replace_password_hash(
    session: AsyncSession, account_id: str, password_hash: str, *, replacing: str | None, now: datetime
) -> bool:
    """Store a new password hash. False if the stored one is not `replacing` (None: any), or there is none.

    One conditional UPDATE decides, so of two simultaneous changes exactly one returns True. The account is locked.
    """
    await lock(session, account_id)
    credential = update(Identity).where(Identity.account_id == account_id, Identity.provider_id == CREDENTIAL)
    if replacing is not None:
        credential = credential.where(Identity.password_hash == replacing)
    changed = credential.values(password_hash=password_hash, updated_at=now).returning(Identity.id)
    return (await session.execute(changed)).scalar_one_or_none() is not None


async def set_suspended(
    session: AsyncSession, account_id: str, suspended_at: datetime | None, *, now: datetime
) -> None:
    """Suspend the account, or activate it (None). A suspension is recorded as an event for other services."""
    changed = update(Account).where(Account.id == account_id)
    await session.execute(changed.values(suspended_at=suspended_at, updated_at=now))
    if suspended_at is not None:
        account_events.record_disabled(session, account_id, now=now)


async def update_profile(
    session: AsyncSession, account_id: str, changes: Mapping[str, str | None], now: datetime
) -> None:
    """Change `name`, `image` or `language`, the members that people may edit themselves."""
    await session.execute(update(Account).where(Account.id == account_id).values(**changes, updated_at=now))


async def replace_email(session: AsyncSession, account_id: str, email: str, *, verified: bool, now: datetime) -> None:
    """Change the e-mail address, or only whether it is verified.

    Raises:
        EmailTaken: the transaction is broken; let the exception leave it.
    """
    changed = update(Account).where(Account.id == account_id)
    try:
        await session.execute(changed.values(email=email, email_verified=verified, updated_at=now))
    except IntegrityError as error:
        raise EmailTaken from error


async def delete_account(session: AsyncSession, account_id: str, *, now: datetime) -> None:
    """Delete the account with its identities. An event tells other services to delete its data.

    `delete_with_sessions` (sessions/) calls it: before, what the account gave access to has to end.
    """
    await session.execute(delete(Account).where(Account.id == account_id))
    account_events.record_purged(session, account_id, now=now)


async def delete_identity(session: AsyncSession, identity_id: str) -> None:
    await session.execute(delete(Identity).where(Identity.id == identity_id))
