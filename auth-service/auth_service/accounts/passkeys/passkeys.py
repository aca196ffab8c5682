"""The passkeys of accounts. Every change begins with `accounts.lock`."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, ForeignKey, LargeBinary, String, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...store import identifiers
from ...store.instants import Instant
from ...store.rows import Row, insert_into
from ..accounts import Account
from .verification import NewPasskey

MAX_PASSKEYS = 20  # of one account
MAX_NAME = 64  # characters
CREDENTIAL_ID_LENGTH = 1364  # characters of base64url: 1023 octets (Web Authentication Level 3 §4)
TRANSPORTS_LENGTH = 128


class Passkey(Row):
    __tablename__ = "passkeys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[str] = mapped_column(String(CREDENTIAL_ID_LENGTH), unique=True)  # base64url
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE_Key
    sign_count: Mapped[int] = mapped_column(BigInteger)  # of the last sign-in; 0: this authenticator does not count
    name: Mapped[str] = mapped_column(String(MAX_NAME))
    aaguid: Mapped[str] = mapped_column(String(36))  # the authenticator's model, as it says itself
    transports: Mapped[str] = mapped_column(String(TRANSPORTS_LENGTH))  # separated by commas
    is_synced: Mapped[bool] = mapped_column(Boolean)  # may be on several devices ("backup eligible"); never changes
    is_backed_up: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


async def list_passkeys(session: AsyncSession, account_id: str) -> Sequence[Passkey]:
    """The account's passkeys, the oldest first."""
    whose = select(Passkey).where(Passkey.account_id == account_id)
    return (await session.scalars(whose.order_by(Passkey.created_at, Passkey.id))).all()


async def count_passkeys(session: AsyncSession, account_id: str) -> int:
    counted = select(func.count()).select_from(Passkey).where(Passkey.account_id == account_id)
    return await session.scalar(counted) or 0


async def find_by_credential(session: AsyncSession, credential_id: str) -> tuple[Passkey, Account] | None:
    """The passkey that an authenticator names, and its account."""
    found = select(Passkey, Account).join(Account, Account.id == Passkey.account_id)
    row = (await session.execute(found.where(Passkey.credential_id == credential_id))).one_or_none()
    return None if row is None else (row[0], row[1])


async def add(session: AsyncSession, account_id: str, new: NewPasskey, name: str, *, now: datetime) -> Passkey | None:
    """Store a passkey. None: there is one with its credential id already. Lock the account first."""
    passkey = {
        "id": identifiers.draw(),
        "account_id": account_id,
        "credential_id": new.credential_id,
        "public_key": new.public_key,
        "sign_count": new.sign_count,
        "name": name,
        "aaguid": new.aaguid,
        "transports": ",".join(new.transports),
        "is_synced": new.is_synced,
        "is_backed_up": new.is_backed_up,
        "created_at": now,
        "updated_at": now,
        "last_used_at": None,
    }
    inserted = insert_into(session, Passkey).values(passkey).on_conflict_do_nothing(index_elements=["credential_id"])
    return await session.scalar(inserted.returning(Passkey))


async def note_use(
    session: AsyncSession, passkey: Passkey, sign_count: int, *, is_backed_up: bool, now: datetime
) -> bool:
    """Store the authenticator's counter. False: the passkey was deleted, or the counter has not risen.

    A counter that stands still or goes back means that the key exists twice (Web Authentication Level 3 §6.1.1). An
    authenticator without a counter always says 0. Lock the account first.
    """
    if not is_risen(passkey, sign_count):
        return False
    same = (Passkey.id == passkey.id, Passkey.sign_count == passkey.sign_count)
    changes = {"sign_count": sign_count, "is_backed_up": is_backed_up, "last_used_at": now}
    used = update(Passkey).where(*same).values(**changes).returning(Passkey.id)
    return await session.scalar(used, execution_options={"synchronize_session": False}) is not None


def is_risen(passkey: Passkey, sign_count: int) -> bool:
    return sign_count > passkey.sign_count or sign_count == passkey.sign_count == 0


async def rename(
    session: AsyncSession, account_id: str, passkey_id: str, name: str, *, now: datetime
) -> Passkey | None:
    """None: the account has no such passkey."""
    mine = update(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == account_id)
    return await session.scalar(mine.values(name=name, updated_at=now).returning(Passkey))


async def remove(session: AsyncSession, account_id: str, passkey_id: str) -> Passkey | None:
    """Delete the passkey, and return it. None: the account has no such passkey. Lock the account first."""
    mine = delete(Passkey).where(Passkey.id == passkey_id, Passkey.account_id == account_id).returning(Passkey)
    return await session.scalar(mine, execution_options={"synchronize_session": False})


async def remove_all(session: AsyncSession, account_id: str) -> int:
    """Delete all passkeys of the account. Returns how many. Lock the account first."""
    gone = delete(Passkey).where(Passkey.account_id == account_id).returning(Passkey.id)
    return len((await session.scalars(gone, execution_options={"synchronize_session": False})).all())
