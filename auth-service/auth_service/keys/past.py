"""Keys that are no longer published. For half a year they still verify an `id_token_hint`, and nothing else."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from ..store.database import Database
from .signing import GONE, TOKEN_PURPOSES, SigningKey

MAX_AGE = timedelta(days=180)  # after the key's retirement


async def find_hint_key(database: Database, kid: str, *, now: datetime) -> Mapping[str, str] | None:
    """The public JWK that verifies an `id_token_hint`, or None (OpenID Connect RP-Initiated Logout §2).

    The hint may have expired long ago. None is also returned for a key that was withdrawn in an emergency, because
    its signatures prove nothing, and for a key that signs status lists.
    """
    may_sign_hints = (SigningKey.purpose.in_(TOKEN_PURPOSES)) & (SigningKey.state != GONE)
    is_remembered = SigningKey.retired_at.is_(None) | (SigningKey.retired_at > now - MAX_AGE)
    async with database.reading() as session:
        public_jwk = await session.scalar(
            select(SigningKey.public_jwk).where(SigningKey.kid == kid, may_sign_hints, is_remembered)
        )
    found: Mapping[str, str] | None = None if public_jwk is None else json.loads(public_jwk)
    return found


async def delete_past_keys(database: Database, *, now: datetime) -> int:
    """Delete the keys that are too old for any hint. Returns how many were deleted."""
    async with database.writing() as session:
        forgotten = delete(SigningKey).where(SigningKey.retired_at <= now - MAX_AGE).returning(SigningKey.kid)
        return len((await session.scalars(forgotten)).all())
