"""Refresh tokens: one row for a whole family, however often it rotates (DESIGN: "Refresh").

A token is `LOCATOR.SECRET`. The locator (128 random bits) is the family's, the secret (256) the token's own; nobody
learns a locator who has not held a token of the family. So a known locator with another secret than the current one is
a token that was spent, and no row is needed for every token there ever was. Both are stored as SHA-256.
"""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from .database import Row
from .grants import Authorized
from .instants import Instant


class RefreshTokenFamily(Authorized, Row):
    __tablename__ = "refresh_token_families"

    locator_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64))  # of the one that is not spent
    parent_hash: Mapped[str | None] = mapped_column(String(64))  # of the one that it replaced
    sealed_successor: Mapped[bytes | None] = mapped_column(LargeBinary)  # the token itself, for who shows its parent
    rotated_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # None: with its session
