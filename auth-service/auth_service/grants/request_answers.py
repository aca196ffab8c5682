"""The answer to a stored authorization request by a code, recorded in the transaction that issues the code."""

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, or_, update

from ..sealed import opaque
from ..store.instants import Instant
from ..store.together import Asked
from .authorization_requests import TTL, StoredRequest

_TABLE: Any = StoredRequest.__table__
_IS_UNBOUND = _TABLE.c.browser_hash.is_(None)
_ANSWER = (
    update(_TABLE)
    .where(
        _TABLE.c.handle_hash == bindparam("handle"),
        _TABLE.c.answered_at.is_(None),
        or_(_IS_UNBOUND, _TABLE.c.browser_hash == bindparam("browser")),
    )
    .values(
        answered_at=bindparam("now"),
        answered_session_id=bindparam("session_id"),
        browser_hash=bindparam("browser"),
        expires_at=case((_IS_UNBOUND, bindparam("until", type_=Instant)), else_=_TABLE.c.expires_at),
    )
    .returning(_TABLE.c.handle_hash)
)


def answering(handle: str, browser: str, *, session_id: str, now: datetime) -> Asked:
    """Record that a code for this session answers the request, and bind it to the browser if it belongs to none.

    No row: it was answered before, or is another browser's. One conditional UPDATE decides which of two was first.
    """
    named = {"handle": opaque.hash_of(handle), "browser": opaque.hash_of(browser), "session_id": session_id}
    return Asked(_ANSWER, {**named, "now": now, "until": now + TTL})
