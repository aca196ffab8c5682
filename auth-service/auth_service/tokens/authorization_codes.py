"""Authorization codes: each can be exchanged for tokens once (RFC 6749 §4.1.2).

A code is an HMAC of 256 bits (code_values.py), stored as SHA-256. Its row is kept for a day, also after its use: if the
code is presented again, it was stolen, and the row makes that visible.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, String, Text, bindparam, update
from sqlalchemy.orm import Mapped, mapped_column

from ..grants import grants, making
from ..grants.grants import Authorized
from ..grants.own_grants import Place
from ..oauth.scope import OFFLINE_ACCESS
from ..sealed import opaque
from ..store.database import Database
from ..store.instants import Instant
from ..store.together import Asked, PerDatabase
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


_TABLE: Any = AuthorizationCode.__table__
_OWN = [column.name for column in _TABLE.columns if column.name not in ("grant_id", "redeemed_at")]
_ROW = making.select_live(*(bindparam(name, type_=_TABLE.c[name].type) for name in _OWN))
_ISSUE = PerDatabase(
    lambda insert: (
        insert(_TABLE)
        .from_select([*_OWN, "grant_id"], _ROW)
        .on_conflict_do_nothing(index_elements=[_TABLE.c.code_hash])
        .returning(_TABLE.c.code_hash)
    )
)
_MAKE_ROOM = making.delete_surplus(AuthorizationCode, _TABLE.c.created_at)


def issuing(
    code: str, given: Authorization, *, ttl: timedelta, now: datetime, own_grant: str | None = None
) -> Mapping[str, Asked]:
    """The statements that issue this code, in the session's grant at the client, which is made if it is missing.

    With `own_grant`, in the grant of that id, which has it in the place of a session's, too.

    No row of "code": the grant has ended after it was found, or this code was issued before.
    """
    grant = making.grant_key(own_grant or given.session_id, given.client_id, is_offline=given.is_offline)
    own = {name: getattr(given, name, None) for name in _OWN}
    own |= {"code_hash": opaque.hash_of(code), "scope": " ".join(given.scope), "amr": json.dumps(given.amr)}
    return {
        "grant": making.making(grant, account_id=given.account_id, client_id=given.client_id, now=now),
        "room": Asked(_MAKE_ROOM, {**grant, "kept": grants.MAX_PER_GRANT - 1}),
        "code": Asked(_ISSUE, {**grant, **own, "created_at": now, "expires_at": now + ttl}),
    }


_FIND = select_held(AuthorizationCode).where(AuthorizationCode.code_hash == bindparam("code_hash"))


async def find(database: Database, code: str) -> Held[AuthorizationCode] | None:
    """The authorization of a code, used or not, or None."""
    values = await database.find_row(_FIND, {"code_hash": opaque.hash_of(code)})
    return None if values is None else held_of(AuthorizationCode, values)


def may_be_given_again(held: Held[AuthorizationCode], *, now: datetime) -> bool:
    """Whether the code can still be redeemed. One that was redeemed is never given again."""
    is_unused = held.authorized.redeemed_at is None and held.authorized.expires_at > now
    return is_unused and held.holder.is_live(now=now) and held.holder.has_session(now=now)


_REDEEM = (
    update(_TABLE)
    .where(
        _TABLE.c.code_hash == bindparam("code"),
        _TABLE.c.redeemed_at.is_(None),
        _TABLE.c.resource == bindparam("granted_resource"),
        _TABLE.c.scope == bindparam("granted_scope"),
        _TABLE.c.grant_id == grants.select_lasting().scalar_subquery(),  # held first (store/__init__.py, "Locks")
    )
    .values(redeemed_at=bindparam("now"))
    .returning(_TABLE.c.code_hash)
)


def redeeming(code: AuthorizationCode, *, now: datetime) -> Asked:
    """Mark the code used. No row: another request was first, its grant has ended, or what it grants has just changed.

    One conditional UPDATE decides, so of simultaneous requests exactly one gets a row. The grant does not end until the
    transaction does. What the code grants is compared, too: an API that is withdrawn after the code was read must not
    live on in the refresh token that is made from it.
    """
    granted = {"of_grant": code.grant_id, "granted_resource": code.resource, "granted_scope": code.scope}
    return Asked(_REDEEM, {"code": code.code_hash, **granted, "now": now})


async def redeem(database: Database, code: AuthorizationCode, *, now: datetime) -> bool:
    """As `redeeming`, in a transaction of one statement."""
    return await database.change_row(_REDEEM, redeeming(code, now=now).values) is not None
