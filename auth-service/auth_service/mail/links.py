"""Secret links in mails. The secret is an HMAC of the mail's id, so no row holds it; what is stored is its hash.

The worker derives the secret each time that it writes the mail, so that a mail which is sent again has the same link.
A link belongs to one account and one address, works once, and ends with its account.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed.opaque import LENGTH, hash_of
from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_into
from .codes import MailedCodes
from .kinds import LINK_TTL, Kind
from .outbox import OutgoingMail


class MailedLink(Row):
    __tablename__ = "mailed_links"
    __expiry__ = Expiry()

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(254))  # the address that the mail went to
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class MailedLinks:
    def __init__(self, secrets: Secrets) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service mailed links")
        self.codes = MailedCodes(secrets)

    async def issue(self, session: AsyncSession, mail: OutgoingMail, account_id: str, *, now: datetime) -> str:
        """The secret of the mail's link, which is stored by its hash. The same mail always gets the same one.

        It lives as long as its kind says, from when the mail was first written.
        """
        kind = Kind(mail.kind)
        token = self.secret_of(kind, mail.id)
        link = insert_into(session, MailedLink).values(
            token_hash=hash_of(token),
            kind=kind.value,
            account_id=account_id,
            email=mail.recipient,
            created_at=now,
            expires_at=now + LINK_TTL[kind],
        )
        await session.execute(link.on_conflict_do_nothing())
        return token

    def secret_of(self, kind: Kind, mail_id: str) -> str:
        digest = hmac.digest(self._key, f"{kind.value}\0{mail_id}".encode(), "sha256")
        return urlsafe_b64encode(digest).decode().rstrip("=")


async def find_link(session: AsyncSession, kind: Kind, token: str, *, now: datetime) -> MailedLink | None:
    """The live link of this secret. None: it is unknown, of another kind, used or expired."""
    if len(token) != LENGTH or not token.isascii():
        return None
    live = (MailedLink.kind == kind.value, MailedLink.used_at.is_(None), MailedLink.expires_at > now)
    return await session.scalar(select(MailedLink).where(MailedLink.token_hash == hash_of(token), *live))


async def use_link(session: AsyncSession, link: MailedLink, *, now: datetime) -> bool:
    """Use the link up. False if it was used or expired meanwhile.

    One conditional UPDATE decides, so of two simultaneous requests exactly one returns True. Lock the account first.
    """
    live = (MailedLink.used_at.is_(None), MailedLink.expires_at > now)
    used = update(MailedLink).where(MailedLink.token_hash == link.token_hash, *live).values(used_at=now)
    quietly = {"synchronize_session": False}
    return (await session.scalar(used.returning(MailedLink.token_hash), execution_options=quietly)) is not None


async def void_all_links(session: AsyncSession, account_id: str, *, now: datetime) -> None:
    """Use up all links that were mailed to an account: its address changes. Lock the account first."""
    whose = (MailedLink.account_id == account_id, MailedLink.used_at.is_(None))
    await session.execute(update(MailedLink).where(*whose).values(used_at=now))


async def void_links(session: AsyncSession, account_id: str, kind: Kind, *, now: datetime) -> None:
    """Use up all links of one kind that an account has. Lock the account first."""
    whose = (MailedLink.account_id == account_id, MailedLink.kind == kind.value, MailedLink.used_at.is_(None))
    await session.execute(update(MailedLink).where(*whose).values(used_at=now))
