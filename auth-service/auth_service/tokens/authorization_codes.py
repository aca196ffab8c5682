"""Authorization codes: each can be exchanged for tokens once (RFC 6749 §4.1.2).

A code is an HMAC of 256 bits (code_values.py), stored as SHA-256. Its row is kept for a day, also after its use: if the
code is presented again, it was stolen, and the row makes that visible.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, String, Text, bindparam, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..grants import grants, own_grants
from ..grants.grants import Authorized
from ..grants.own_grants import Place
from ..oauth.scope import OFFLINE_ACCESS
from ..sealed import opaque
from ..store.database import Database
from ..store.instants import Instant
from .holders import Held, held_of, select_held

REUSE_NOTICED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Authorization:
    """An authorization: client, account, scope and resource, and when and how the person was authenticated."""

    client_id: str
    account_id: str
    session_id: str
    redirect_uri: str  # exactly as in the request
    scope: tuple[str, ...]
    resource: str
    code_challenge: str | None  # S256
    nonce: str | None
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    claims: str | None  # the `claims` parameter, checked, as canonical JSON
    max_age: int | None = None  # seconds from the sign-in to the tokens
    dpop_jkt: str | None = None  # the thumbprint of the key that the code is bound to
    place: Place | None = None  # of a grant of its own; None: it shares the session's

    @property
    def is_offline(self) -> bool:
        return OFFLINE_ACCESS in self.scope


class AuthorizationCode(Authorized):
    __tablename__ = "authorization_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    redirect_uri: Mapped[str] = mapped_column(Text)
    code_challenge: Mapped[str | None] = mapped_column(String(128))
    nonce: Mapped[str | None] = mapped_column(Text)
    max_age: Mapped[int | None] = mapped_column(Integer)  # seconds
    dpop_jkt: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    redeemed_at: Mapped[datetime | None] = mapped_column(Instant)


async def issue(
    session: AsyncSession, code: str, authorization: Authorization, *, ttl: timedelta, now: datetime
) -> None:
    """Issue this code for an authorization. It belongs to the session's grant at the client, made if missing, or to a
    grant of its own.
    """
    whose: dict[str, Any] = {
        "account_id": authorization.account_id,
        "session_id": authorization.session_id,
        "client_id": authorization.client_id,
        "is_offline": authorization.is_offline,
    }
    place = authorization.place
    grant_id = None if place is None else await own_grants.create(session, place, **whose, now=now)
    grant_id = grant_id or await grants.find_or_create(session, **whose, now=now)
    await grants.make_room(session, AuthorizationCode, grant_id, used_at=AuthorizationCode.created_at)
    session.add(
        AuthorizationCode(
            code_hash=opaque.hash_of(code),
            grant_id=grant_id,
            redirect_uri=authorization.redirect_uri,
            scope=" ".join(authorization.scope),
            resource=authorization.resource,
            code_challenge=authorization.code_challenge,
            nonce=authorization.nonce,
            auth_time=authorization.auth_time,
            acr=authorization.acr,
            amr=json.dumps(authorization.amr),
            claims=authorization.claims,
            max_age=authorization.max_age,
            dpop_jkt=authorization.dpop_jkt,
            created_at=now,
            expires_at=now + ttl,
        )
    )


_FIND = select_held(AuthorizationCode).where(AuthorizationCode.code_hash == bindparam("code_hash"))


async def find(database: Database, code: str) -> Held[AuthorizationCode] | None:
    """The authorization of a code, used or not, or None."""
    values = await database.find_row(_FIND, {"code_hash": opaque.hash_of(code)})
    return None if values is None else held_of(AuthorizationCode, values)


def may_be_given_again(held: Held[AuthorizationCode], *, now: datetime) -> bool:
    """Whether the code can still be redeemed. One that was redeemed is never given again."""
    is_unused = held.authorized.redeemed_at is None and held.authorized.expires_at > now
    return is_unused and held.holder.is_live(now=now) and held.holder.has_session(now=now)


async def redeem(session: AsyncSession, code: AuthorizationCode, *, now: datetime) -> bool:
    """Mark the code used. False if another request was first, or if what it grants has just changed.

    One conditional UPDATE decides, so of simultaneous requests exactly one returns True. The grant is compared, too: an
    API that is withdrawn after the code was read must not live on in the refresh token that is made from it.
    """
    redeemed = await session.execute(
        update(AuthorizationCode)
        .where(
            AuthorizationCode.code_hash == code.code_hash,
            AuthorizationCode.redeemed_at.is_(None),
            AuthorizationCode.resource == code.resource,
            AuthorizationCode.scope == code.scope,
        )
        .values(redeemed_at=now)
        .returning(AuthorizationCode.code_hash)
    )
    return redeemed.scalar_one_or_none() is not None
