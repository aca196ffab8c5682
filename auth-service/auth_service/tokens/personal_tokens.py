"""Personal access tokens: a person's script shows one to the token endpoint, and gets access tokens for one API.

No API accepts a personal access token itself. Each has an offline grant of its own at the reserved client `personal`,
with its own status index: whatever ends all grants of an account ends it, and ending it revokes what it was traded for.
Its id stands in the grant in place of a session, since it belongs to none. It is stored as its hash.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ForeignKey, String, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..clients.clients import PERSONAL_CLIENT_ID, Client
from ..grants import grants
from ..grants.grants import Authorized, Grant
from ..oauth.authentication_context import ONE_FACTOR
from ..oauth.metadata_values import NONE, TOKEN_EXCHANGE
from ..oauth.resources import Resource
from ..sealed import opaque
from ..store import identifiers
from ..store.database import Database
from ..store.instants import Instant, is_recent
from ..store.rows import Expiry, insert_into
from . import personal_values
from .holders import Held, held_of, hold_owners, select_held

MAX_LIFETIME = timedelta(days=366)
MAX_PER_ACCOUNT = 50
SEEN_EVERY = timedelta(hours=1)  # a use within an hour of the last one that was noted costs no statement
NEVER = datetime.fromtimestamp(0, UTC)  # `auth_time` of one that an operator made: no person was authenticated
_REGISTERED = {
    "client_name": "Personal access tokens", "grant_types": [TOKEN_EXCHANGE], "response_types": [],
    "token_endpoint_auth_method": NONE, "scope": "", "redirect_uris": [], "first_party": True,
}  # fmt: skip


class TooManyTokens(Exception):
    """The account has MAX_PER_ACCOUNT tokens."""


class PersonalToken(Authorized):
    __tablename__ = "personal_tokens"
    __expiry__ = Expiry()

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(Instant)
    last_used_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class Wanted:
    """What a token is made for. The scopes belong to the API `resource`."""

    account_id: str
    name: str
    resource: str
    scopes: tuple[str, ...]
    lifetime: timedelta
    auth_time: datetime = NEVER  # when its person was authenticated
    acr: str = ONE_FACTOR
    amr: tuple[str, ...] = ()


def scopes_for(api: Resource | None, web: Client | None) -> tuple[str, ...]:
    """The scopes that a person may give a token: those of the API that signing in at the client `web` gives them."""
    if api is None or web is None:
        return ()
    return tuple(each for each in api.scopes if each in web.registration.scope)


async def create(session: AsyncSession, wanted: Wanted, *, now: datetime) -> tuple[PersonalToken, str] | None:
    """Make a token with its grant. Returns its row, and the token, which cannot be read again. None: no such account.

    Raises:
        TooManyTokens
    """
    await ensure_client(session, now=now)
    if not await hold_owners(session, wanted.account_id, PERSONAL_CLIENT_ID):
        return None
    if len(await list_live(session, wanted.account_id, limit=MAX_PER_ACCOUNT, now=now)) >= MAX_PER_ACCOUNT:
        raise TooManyTokens
    token_id, token = identifiers.draw(), personal_values.draw()
    grant_id = await grants.find_or_create(
        session,
        account_id=wanted.account_id,
        session_id=token_id,
        client_id=PERSONAL_CLIENT_ID,
        is_offline=True,
        now=now,
    )
    row = PersonalToken(
        id=token_id,
        account_id=wanted.account_id,
        grant_id=grant_id,
        token_hash=opaque.hash_of(token),
        name=wanted.name,
        scope=" ".join(wanted.scopes),
        resource=wanted.resource,
        auth_time=wanted.auth_time,
        acr=wanted.acr,
        amr=json.dumps(wanted.amr),
        created_at=now,
        expires_at=now + wanted.lifetime,
    )
    session.add(row)
    return row, token


_FIND = select_held(PersonalToken).where(PersonalToken.token_hash == bindparam("token_hash"))


async def find(database: Database, token: str) -> Held[PersonalToken] | None:
    """The token with its grant, live or not. Text that cannot be a token is not looked up."""
    if not personal_values.is_one(token):
        return None
    values = await database.find_row(_FIND, {"token_hash": opaque.hash_of(token)})
    return None if values is None else held_of(PersonalToken, values)


def is_use_due(token: PersonalToken, *, now: datetime) -> bool:
    """Whether a use is to be noted now."""
    return token.last_used_at is None or not is_recent(token.last_used_at, within=SEEN_EVERY, now=now)


async def note_use(session: AsyncSession, token_id: str, *, now: datetime) -> None:
    """Note the use, unless a parallel request has."""
    row = PersonalToken
    is_due = or_(row.last_used_at.is_(None), row.last_used_at <= now - SEEN_EVERY)
    await session.execute(update(row).where(row.id == token_id, is_due).values(last_used_at=now))


async def list_live(
    session: AsyncSession, account_id: str | None, *, after: str = "", limit: int, now: datetime
) -> Sequence[PersonalToken]:
    """A page of the tokens that still work, ordered by id, starting after `after`; of one account, or of all."""
    whose = () if account_id is None else (PersonalToken.account_id == account_id,)
    live = (Grant.ended_at.is_(None), PersonalToken.expires_at > now, PersonalToken.id > after)
    query = select(PersonalToken).join(Grant, Grant.id == PersonalToken.grant_id).where(*live, *whose)
    return (await session.scalars(query.order_by(PersonalToken.id).limit(limit))).all()


async def revoke(
    session: AsyncSession, token_id: str, *, account_id: str | None = None, now: datetime
) -> PersonalToken | None:
    """End a token, and what it was traded for. None if there is none, it has ended, or it is another account's."""
    row = await session.get(PersonalToken, token_id)
    if row is None or account_id not in (None, row.account_id):
        return None
    return row if await grants.end(session, row.grant_id, now=now) else None


async def ensure_client(session: AsyncSession, *, now: datetime) -> None:
    """The reserved client is made with the first token: a deployment without any has no such client."""
    made = insert_into(session, Client).values(
        client_id=PERSONAL_CLIENT_ID, registered=json.dumps(_REGISTERED), created_at=now, updated_at=now
    )
    await session.execute(made.on_conflict_do_nothing(index_elements=["client_id"]))
