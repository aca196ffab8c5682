"""A session begins, or its person is authenticated again: with a proof that is enough for their account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..status_lists import indexes as status_indexes
from ..status_lists.lists import StatusIndex
from ..store import identifiers
from ..store.rows import detached
from ..store.together import Asked, Found, send
from .browser_sessions import USER_AGENT_MAX_LENGTH, BrowserSession, end_surplus
from .lifetimes import UNREMEMBERED_TTL, Lifetimes
from .proofs import Proof, require_second_factor

MAX_SESSIONS = 500  # per account


@dataclass(frozen=True)
class Device:
    """The address and browser of a request, as shown to the session's owner."""

    ip_address: str
    user_agent: str


@dataclass(frozen=True)
class Starting:
    """The statements that start a session. They are sent together with others, after one that locks the account.

    Attributes:
        row: the session's columns and their values, without its status index.
        asked: the statements "surplus", "index" and "session", in this order.
    """

    row: Mapping[str, Any]
    asked: Mapping[str, Asked]

    @property
    def session_id(self) -> str:
        session_id: str = self.row["id"]
        return session_id

    def find_started(self, found: Found) -> BrowserSession | None:
        """The session, by the answers. None: it may not be stored; `start_session` finds out why not, or makes room."""
        if not found["session"] or found["surplus"]:
            return None
        return detached(BrowserSession, iter([*self.row.values(), *found["index"][0]]))


def starting(
    account_id: str, proof: Proof, *, remember: bool, device: Device, lifetimes: Lifetimes, now: datetime
) -> Starting:
    """Draw the session's id and token, and make its statements. Unless `remember` it ends after UNREMEMBERED_TTL."""
    ttl, session_id = lifetimes.ttl if remember else UNREMEMBERED_TTL, identifiers.draw()
    row = {
        "id": session_id,
        "token": identifiers.draw(),
        "account_id": account_id,
        "is_remembered": remember,
        "ip_address": device.ip_address,
        "user_agent": device.user_agent[:USER_AGENT_MAX_LENGTH],
        "created_at": now,
        "authenticated_at": now,
        "updated_at": now,
        "expires_at": now + min(ttl, lifetimes.absolute_max_age),
        "amr": " ".join(proof.methods),
        "second_factor_at": proof.second_factor_at,
    }
    asked = {
        "surplus": Asked(_FIND_SURPLUS, {"account_id": account_id, "kept": MAX_SESSIONS - 1}),
        "index": status_indexes.taking(session_id),
        "session": Asked(_START, {**row, "is_enough": proof.is_enough}),
    }
    return Starting(row, asked)


async def start_session(
    session: AsyncSession,
    account_id: str,
    proof: Proof,
    *,
    remember: bool,
    device: Device,
    lifetimes: Lifetimes,
    now: datetime,
) -> BrowserSession:
    """Start a session. Lock the account first, so that no second factor is turned on meanwhile.

    Raises:
        SecondFactorMissing
    """
    await require_second_factor(session, account_id, proof)
    # The newest MAX_SESSIONS of an account stay; otherwise endless sign-ins would fill the table and the status lists.
    await end_surplus(session, account_id, keep=MAX_SESSIONS - 1, now=now)
    await session.flush()  # the account may be new
    begun = starting(account_id, proof, remember=remember, device=device, lifetimes=lifetimes, now=now)
    allocated = await status_indexes.allocate(session, begun.session_id)
    known = {"surplus": [], "index": [(allocated.list_id, allocated.index)]}
    asked = {name: each for name, each in begun.asked.items() if name not in known}
    started = begun.find_started({**await send(session, asked), **known})
    if started is None:
        raise LookupError("the session's account is gone")
    return started


# Built once: building a statement takes longer than running it on SQLite.
_SESSIONS: Any = BrowserSession.__table__
_FIND_SURPLUS = (  # without an order, which would sort all sessions
    select(_SESSIONS.c.account_id)
    .where(_SESSIONS.c.account_id == bindparam("account_id"))
    .offset(bindparam("kept", type_=Integer))
    .limit(1)
)
_GIVEN = [column for column in _SESSIONS.c if column.key not in ("status_list_id", "status_index")]
_START = (  # whatever the caller has checked, nothing is stored for an account whose second factor the proof lacks
    insert(_SESSIONS)
    .from_select(
        [*_SESSIONS.c.keys()],
        select(*(bindparam(column.key, type_=column.type) for column in _GIVEN), StatusIndex.list_id, StatusIndex.idx)
        .join_from(Account, StatusIndex, StatusIndex.holder_id == bindparam("id"))
        .where(Account.id == bindparam("account_id"))
        .where(or_(bindparam("is_enough", type_=Boolean), Account.second_factor_at.is_(None))),
    )
    .returning(_SESSIONS.c.id)
)


async def authenticate_again(
    session: AsyncSession, account_id: str, session_id: str, proof: Proof, *, now: datetime
) -> bool:
    """Record that the session's person signed in again. Grants and tokens are unchanged. False if it has ended.

    Raises:
        SecondFactorMissing
    """
    await require_second_factor(session, account_id, proof)
    changes = {"amr": " ".join(proof.methods), "second_factor_at": proof.second_factor_at}
    return await _change_live(session, session_id, now=now, authenticated_at=now, updated_at=now, **changes)


async def prove_second_factor(session: AsyncSession, session_id: str, proof: Proof, *, now: datetime) -> bool:
    """Record that the session's person has proved a second factor now. False if the session has ended."""
    changes = {"amr": " ".join(proof.methods), "second_factor_at": proof.second_factor_at, "updated_at": now}
    return await _change_live(session, session_id, now=now, **changes)


async def _change_live(session: AsyncSession, session_id: str, *, now: datetime, **changes: object) -> bool:
    live = update(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.expires_at > now)
    changed = await session.execute(live.values(**changes).returning(BrowserSession.id))
    return changed.scalar_one_or_none() is not None
