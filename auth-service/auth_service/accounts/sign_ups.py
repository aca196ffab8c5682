"""Creating accounts: with a password, without telling whether the address was free, and without a password."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ..store import identifiers
from ..store.rows import Row, insert_into
from .accounts import CREDENTIAL, Account, EmailTaken, Identity


@dataclass(frozen=True)
class Wanted:
    """What a person signs up with."""

    email: str
    name: str
    image: str | None
    password_hash: str = field(repr=False)
    language: str | None = None  # of mails and pages (ISO 639)


async def create_account(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    image: str | None,
    password_hash: str,
    language: str | None = None,
    now: datetime,
) -> Account:
    """Create an account with a password.

    The unique index decides between simultaneous sign-ups; a query beforehand could not.

    Raises:
        EmailTaken: the transaction is broken; let the exception leave it.
    """
    account = await create_without_password(
        session, email=email, name=name, image=image, verified=False, language=language, now=now
    )
    await create_password(session, account.id, password_hash, now=now)
    return account


async def create_unless_taken(session: AsyncSession, wanted: Wanted, *, now: datetime) -> tuple[Account, bool]:
    """The account, and whether it was created. If not, it is one that could have been: no row has its id.

    For a taken address the same statements run, so that it takes as long. The unique index decides between
    simultaneous sign-ups.
    """
    account = Account(
        id=identifiers.draw(),
        email=wanted.email,
        email_verified=False,
        name=wanted.name,
        image=wanted.image,
        language=wanted.language,
        created_at=now,
        updated_at=now,
    )
    inserted = insert_into(session, Account).values(_values(account)).on_conflict_do_nothing(index_elements=["email"])
    is_new = (await session.scalar(inserted.returning(Account.id))) is not None
    identity = _values(
        Identity(
            id=identifiers.draw(),
            account_id=account.id,
            provider_id=CREDENTIAL,
            subject=account.id,
            password_hash=wanted.password_hash,
            created_at=now,
            updated_at=now,
        )
    )
    columns = Identity.__table__.columns
    made = select(*(literal(value, columns[name].type) for name, value in identity.items()))
    made = made.where(select(Account.id).where(Account.id == account.id).exists())
    await session.execute(insert_into(session, Identity).from_select([*identity], made))
    return account, is_new


async def create_without_password(
    session: AsyncSession,
    *,
    email: str,
    name: str,
    image: str | None,
    verified: bool,
    language: str | None,
    now: datetime,
) -> Account:
    """Create an account of a person who has no password yet, or signs in elsewhere.

    Raises:
        EmailTaken: the transaction is broken; let the exception leave it.
    """
    account = Account(
        id=identifiers.draw(),
        email=email,
        email_verified=verified,
        name=name,
        image=image,
        language=language,
        created_at=now,
        updated_at=now,
    )
    session.add(account)
    try:
        await session.flush()  # before an identity: without an ORM relationship SQLAlchemy does not know the order
    except IntegrityError as error:
        raise EmailTaken from error
    return account


async def delete_password(session: AsyncSession, account_id: str) -> bool:
    """Delete the account's password; its owner sets a new one by a mailed link. Lock the account first.

    False: it had none.
    """
    password = (Identity.account_id == account_id, Identity.provider_id == CREDENTIAL)
    return (await session.scalar(delete(Identity).where(*password).returning(Identity.id))) is not None


async def create_password(session: AsyncSession, account_id: str, password_hash: str, *, now: datetime) -> None:
    """Give an account without a password one. Lock the account first."""
    session.add(
        Identity(
            id=identifiers.draw(),
            account_id=account_id,
            provider_id=CREDENTIAL,
            subject=account_id,
            password_hash=password_hash,
            created_at=now,
            updated_at=now,
        )
    )


def _values(row: Row) -> dict[str, object]:
    """The values of a row that is in no session."""
    return {column.name: getattr(row, column.name) for column in row.__table__.columns if column.name in vars(row)}
