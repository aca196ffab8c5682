"""People who are at an upstream provider: what a `state` stands for until they come back.

A `state` is random and belongs to one browser and one click: two tabs have two, and an answer in another browser finds
nothing. It is used by one conditional UPDATE. The row stays until it expires, so that an answer that is sent again
leads the person on instead of into an error.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, String, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...sealed import opaque
from ...sealed.sealing import Seal
from ...sealed.versioned_secrets import Secrets
from ...store.instants import Instant
from ...store.rows import Expiry, Row

TTL = timedelta(minutes=30)  # a person may have to find a phone, or to make an account there
MAX_ROWS = 100_000
SIGN_IN, CONFIRM, LINK = "sign in", "confirm", "link"  # purposes; to confirm is to sign in to the same account again


class UpstreamStart(Row):
    __tablename__ = "upstream_starts"
    __expiry__ = Expiry(MAX_ROWS)

    state_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    upstream_id: Mapped[str] = mapped_column(String(32))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)  # the rest, which a stolen database must not reveal
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class Start:
    """What a person has begun, and where they go afterwards.

    Attributes:
        issuer, client_id: the provider's, and ours there, when it began. Others since then make the start invalid.
        account_id, session_id: of the person who links or confirms; only that session may end what it began.
        asks_again: the provider was asked to let the person sign in anew.
        handle: of the authorization request that the page belongs to.
        to_account: the form at /account that the person came from.
        callback: the application's page that the person came from, on the Better Auth protocol or at our pages.
        new_callback, error_callback: further pages of an application on the protocol.
    """

    upstream_id: str
    issuer: str = ""
    client_id: str = ""
    purpose: str = SIGN_IN
    account_id: str = ""
    session_id: str = ""
    remember: bool = True
    asks_again: bool = False
    handle: str = ""
    to_account: str = ""
    by_protocol: bool = False
    callback: str = ""
    new_callback: str = ""
    error_callback: str = ""
    nonce: str = field(default="", repr=False)
    code_verifier: str = field(default="", repr=False)


@dataclass(frozen=True)
class Used:
    start: Start
    begun_at: datetime
    is_first: bool  # False: the answer was sent before


def seal_of(key_encryption_keys: Secrets) -> Seal:
    return Seal(key_encryption_keys, "upstream starts")


def begin(session: AsyncSession, seal: Seal, browser: str, start: Start, *, now: datetime) -> str:
    """Store what was begun in this browser, and return its `state`."""
    state = opaque.draw()
    place = opaque.hash_of(state)
    session.add(
        UpstreamStart(
            state_hash=place,
            browser_hash=opaque.hash_of(browser),
            upstream_id=start.upstream_id,
            sealed=seal.seal(json.dumps(asdict(start)), place=place),
            created_at=now,
            expires_at=now + TTL,
        )
    )
    return state


async def use(
    session: AsyncSession, seal: Seal, state: str, browser: str, upstream_id: str, *, now: datetime
) -> Used | None:
    """Take what was begun. None: it is unknown, expired, another browser's or another provider's."""
    place = opaque.hash_of(state)
    mine = (
        UpstreamStart.state_hash == place,
        UpstreamStart.browser_hash == opaque.hash_of(browser),
        UpstreamStart.upstream_id == upstream_id,
        UpstreamStart.expires_at > now,
    )
    used = update(UpstreamStart).where(*mine, UpstreamStart.used_at.is_(None)).values(used_at=now)
    row = await session.scalar(used.returning(UpstreamStart), execution_options={"synchronize_session": False})
    is_first = row is not None
    row = row or await session.scalar(select(UpstreamStart).where(*mine))
    text = None if row is None else seal.open(row.sealed, place=place)
    if row is None or text is None:
        return None
    return Used(Start(**json.loads(text)), row.created_at, is_first)
