"""Browsers that need not show a code. Each has a row, so that its person sees it and can end it.

A browser keeps the row's id in a signed cookie (http/factor_cookies.py), together with a tag of the password and the
second factor. Another password, or a second factor that was turned off and on again, makes another tag: what the old
one is in counts no longer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...store import identifiers
from ...store.instants import Instant
from ...store.rows import Expiry, Row

TRUSTED_FOR = timedelta(days=30)
MOST = 50  # of an account; the oldest are forgotten
USER_AGENT_MAX_LENGTH = 512


class TrustedBrowser(Row):
    __tablename__ = "trusted_browsers"
    __expiry__ = Expiry()

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    tag: Mapped[str] = mapped_column(String(32))
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(USER_AGENT_MAX_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime] = mapped_column(Instant)  # when it last signed in without a code
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


async def trust(
    session: AsyncSession, account_id: str, tag: str, *, ip_address: str, user_agent: str, now: datetime
) -> str:
    """Store a browser, and return its id for the cookie. Lock the account first."""
    surplus = select(TrustedBrowser.id).where(TrustedBrowser.account_id == account_id)
    surplus = surplus.order_by(TrustedBrowser.created_at.desc()).offset(MOST - 1)
    await session.execute(delete(TrustedBrowser).where(TrustedBrowser.id.in_(surplus)))
    browser_id = identifiers.draw()
    session.add(
        TrustedBrowser(
            id=browser_id,
            account_id=account_id,
            tag=tag,
            ip_address=ip_address,
            user_agent=user_agent[:USER_AGENT_MAX_LENGTH],
            created_at=now,
            used_at=now,
            expires_at=now + TRUSTED_FOR,
        )
    )
    return browser_id


async def use(
    session: AsyncSession, browser_id: str, account_id: str, tag: str, *, now: datetime, tag_after: str
) -> bool:
    """Whether the account still trusts this browser. The use is noted, and the tag that it has from now on."""
    trusted = (
        TrustedBrowser.id == browser_id,
        TrustedBrowser.account_id == account_id,
        TrustedBrowser.tag == tag,
        TrustedBrowser.expires_at > now,
    )
    used = update(TrustedBrowser).where(*trusted).values(used_at=now, tag=tag_after).returning(TrustedBrowser.id)
    found = await session.execute(used, execution_options={"synchronize_session": False})
    return found.scalar_one_or_none() is not None


async def list_trusted(session: AsyncSession, account_id: str, tag: str, *, now: datetime) -> Sequence[TrustedBrowser]:
    """The account's trusted browsers, the one that was used last first."""
    whose = (TrustedBrowser.account_id == account_id, TrustedBrowser.tag == tag, TrustedBrowser.expires_at > now)
    return (await session.scalars(select(TrustedBrowser).where(*whose).order_by(TrustedBrowser.used_at.desc()))).all()


async def forget(session: AsyncSession, account_id: str, browser_id: str | None = None) -> int:
    """Trust one browser of the account no longer, or none of them. Returns how many these were."""
    gone = delete(TrustedBrowser).where(TrustedBrowser.account_id == account_id)
    if browser_id is not None:
        gone = gone.where(TrustedBrowser.id == browser_id)
    return len((await session.scalars(gone.returning(TrustedBrowser.id))).all())
