"""The upstream identities of accounts: who a person is at another provider. Every change begins with `accounts.lock`.

The key is issuer and subject (OpenID Connect Core §5.7), never the address: that may change, or be given to somebody
else. `upstream_id` only says by which button it came, so that pages can name it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...oauth.upstream_answers import MAX_SUBJECT_LENGTH, Person
from ...oauth.upstreams import ISSUER_MAX_LENGTH
from ...store import identifiers
from ...store.instants import Instant
from ...store.rows import Row, insert_into
from ..accounts import EMAIL_MAX_LENGTH, Account
from .providers import UpstreamProvider

MAX_IDENTITIES = 20  # of one account


class UpstreamIdentity(Row):
    __tablename__ = "upstream_identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    issuer: Mapped[str] = mapped_column(String(ISSUER_MAX_LENGTH))
    subject: Mapped[str] = mapped_column(String(MAX_SUBJECT_LENGTH))
    upstream_id: Mapped[str] = mapped_column(String(32))
    email: Mapped[str | None] = mapped_column(String(EMAIL_MAX_LENGTH))  # as the provider said it last, to be shown
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)


async def find_account(session: AsyncSession, person: Person) -> tuple[UpstreamIdentity, Account] | None:
    """The identity of a provider's person, and its account. None: no account is linked to them."""
    linked = select(UpstreamIdentity, Account).join(Account, Account.id == UpstreamIdentity.account_id)
    key = (UpstreamIdentity.issuer == person.issuer, UpstreamIdentity.subject == person.subject)
    row = (await session.execute(linked.where(*key))).one_or_none()
    return None if row is None else (row[0], row[1])


async def list_upstream_identities(session: AsyncSession, account_id: str) -> Sequence[UpstreamIdentity]:
    """The account's upstream identities, the oldest first."""
    whose = select(UpstreamIdentity).where(UpstreamIdentity.account_id == account_id)
    return (await session.scalars(whose.order_by(UpstreamIdentity.created_at, UpstreamIdentity.id))).all()


async def count_usable(session: AsyncSession, account_id: str) -> int:
    """The number of the account's upstream identities whose provider is registered, so that they sign in."""
    registered = UpstreamIdentity.issuer.in_(select(UpstreamProvider.issuer))
    usable = select(func.count()).where(UpstreamIdentity.account_id == account_id, registered)
    return await session.scalar(usable) or 0


async def count_of_issuer(session: AsyncSession, issuer: str) -> int:
    """The number of identities at a provider."""
    return await session.scalar(select(func.count()).where(UpstreamIdentity.issuer == issuer)) or 0


async def link(
    session: AsyncSession, account_id: str, person: Person, upstream_id: str, *, now: datetime
) -> UpstreamIdentity | None:
    """Link the person to the account. None: they are linked already, to this account or another one.

    The unique index decides between two at once. Lock the account first.
    """
    row = {
        "id": identifiers.draw(),
        "account_id": account_id,
        "issuer": person.issuer,
        "subject": person.subject,
        "upstream_id": upstream_id,
        "email": person.email,
        "created_at": now,
        "updated_at": now,
        "last_used_at": now,
    }
    inserted = insert_into(session, UpstreamIdentity).values(row)
    inserted = inserted.on_conflict_do_nothing(index_elements=["issuer", "subject"])
    return await session.scalar(inserted.returning(UpstreamIdentity))


async def note_use(session: AsyncSession, identity_id: str, person: Person, upstream_id: str, *, now: datetime) -> bool:
    """Record a sign-in. False: the identity was unlinked a moment ago. Lock the account first."""
    changes = {"email": person.email, "upstream_id": upstream_id, "last_used_at": now, "updated_at": now}
    used = update(UpstreamIdentity).where(UpstreamIdentity.id == identity_id).values(**changes)
    used = used.execution_options(synchronize_session=False)
    return await session.scalar(used.returning(UpstreamIdentity.id)) is not None


async def unlink(session: AsyncSession, account_id: str, identity_id: str) -> UpstreamIdentity | None:
    """Delete the identity, and return it. None: the account has no such one. Lock the account first."""
    mine = (UpstreamIdentity.id == identity_id, UpstreamIdentity.account_id == account_id)
    gone = delete(UpstreamIdentity).where(*mine).returning(UpstreamIdentity)
    return await session.scalar(gone, execution_options={"synchronize_session": False})


async def unlink_all(session: AsyncSession, account_id: str) -> int:
    """Delete all upstream identities of the account. Returns how many. Lock the account first."""
    gone = delete(UpstreamIdentity).where(UpstreamIdentity.account_id == account_id).returning(UpstreamIdentity.id)
    return len((await session.scalars(gone, execution_options={"synchronize_session": False})).all())
