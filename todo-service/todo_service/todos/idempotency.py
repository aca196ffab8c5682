"""Idempotency-Key: a request takes effect once, even if it is sent several times.

The field is that of draft-ietf-httpapi-idempotency-key-07. The key, the effect and the response are stored in one
transaction: all of them or none. If two processes get the same key at once, the second waits at the primary key for the
first, then repeats its response. A refused request changes nothing and is not stored, so it may be sent again.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from fastapi import Request, Response
from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from atjwt import AccessToken

from ..http import problems
from ..http.parts import Given
from ..http.problems import Problem
from ..store.database import Database
from . import memberships, owners, rooms
from .queries import Within
from .rooms import Quota
from .table import UtcDateTime, idempotency_keys

KEY_TTL = timedelta(hours=24)
# A string of RFC 9651 §3.3.3 that is not empty.
_KEY = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"', re.ASCII)

_WHOSE = ("owner", "client_id", "route", "key")
_CLAIM = text(
    "INSERT INTO idempotency_keys (owner, client_id, route, key, body_hash, status, headers, body, expires_at)"
    " VALUES (:owner, :client_id, :route, :key, :body_hash, 0, '', :body, :expires_at)"
    " ON CONFLICT (owner, client_id, route, key) DO UPDATE SET body_hash = excluded.body_hash,"
    " expires_at = excluded.expires_at WHERE idempotency_keys.expires_at < :now RETURNING 1"
).bindparams(bindparam("expires_at", type_=UtcDateTime), bindparam("now", type_=UtcDateTime))
_IS = tuple(idempotency_keys.c[name] == bindparam(f"{name}_") for name in _WHOSE)
_STORE = idempotency_keys.update().where(*_IS)
_FIND = select(idempotency_keys).where(*_IS)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def render(self) -> Response:
        return Response(self.body, self.status, self.headers, media_type="application/json")


class Claim(NamedTuple):
    """A key with its owner, client and route: two people, clients or routes may use the same key independently."""

    owner: str
    client_id: str
    route: str
    key: str


class InFlight:
    """The keys that this process is working on."""

    def __init__(self) -> None:
        self._claims: set[Claim] = set()

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        if claim in self._claims:
            detail = "The first request with this key is still in progress. Send it again later, with the same key."
            raise Problem(problems.REQUEST_IN_PROGRESS, detail, headers={"Retry-After": "1"})
        self._claims.add(claim)
        try:
            yield
        finally:
            self._claims.remove(claim)


@dataclass(frozen=True)
class OnceParts(Given):
    """The parts that `once` needs. An endpoint that calls it inherits its own parts from these."""

    database: Database
    in_flight: InFlight
    quota: Quota


async def once(
    parts: OnceParts,
    request: Request,
    token: AccessToken,
    *,
    body: bytes,
    now: datetime,
    act: Callable[[AsyncConnection], Awaitable[Answer]],
) -> Response:
    """Call `act` in one transaction. If the key was already used, repeat the stored response instead.

    Raises:
        Problem: 400 for a malformed key; 409 if this process is working on the same key; 422 if the key was used with
            another body.
        QuotaExceeded: there is no room to keep the response. Nothing is changed.
    """
    return await _once(parts, request, token, parts.database, token.sub, body=body, now=now, act=act)


@contextmanager
def holding(parts: OnceParts, request: Request, token: AccessToken) -> Iterator[Claim | None]:
    """The request's key, which no other request of this process has meanwhile; None if it has none.

    Raises:
        Problem: as `once`, except 422.
    """
    claim = _find_claim(request, token)
    if claim is None:
        yield None
        return
    with parts.in_flight.holding(claim):
        yield claim


def stored(claim: Claim, answer: Answer, *, body: bytes, now: datetime) -> tuple[dict[str, Any], int]:
    """The columns that keep the response of a request with this body, and the room that they take."""
    headers = json.dumps(answer.headers)
    kept = {"status": answer.status, "headers": headers, "body": answer.body}
    about = {"body_hash": hashlib.sha256(body).digest(), "expires_at": now + KEY_TTL}
    return claim._asdict() | about | kept, rooms.of_answer(answer.body, headers)


async def once_for_member(
    parts: OnceParts,
    request: Request,
    token: AccessToken,
    owner: str,
    *,
    body: bytes,
    now: datetime,
    act: Callable[[str, AsyncConnection, Quota, Within], Awaitable[Answer]],
) -> Response:
    """As `once`, in the lists of another owner that the caller may change. The key is still the caller's.

    The response that is kept counts to the room of the lists' owner, as the todo does.
    """
    quota = replace(parts.quota, sees_all=False)

    async def act_within(opened: AsyncConnection) -> Answer:
        within = await memberships.lock_writable(owner, opened, token.sub)
        return await act(owner, opened, quota, within)

    database, of_owner = parts.database.for_member(token.sub), replace(parts, quota=quota)
    return await _once(of_owner, request, token, database, owner, body=body, now=now, act=act_within)


async def _once(
    parts: OnceParts,
    request: Request,
    token: AccessToken,
    database: Database,
    owner: str,
    *,
    body: bytes,
    now: datetime,
    act: Callable[[AsyncConnection], Awaitable[Answer]],
) -> Response:
    claim = _find_claim(request, token)
    if claim is None:
        async with database.writing(owner) as connection:
            return (await act(connection)).render()
    body_hash = hashlib.sha256(body).digest()
    with parts.in_flight.holding(claim):
        async with database.writing(owner) as connection:
            answer = await _find_answer(token.sub, connection, claim, body_hash, now)
            if answer is None:
                answer = await act(connection)
                await _store(owner, connection, claim, answer, parts.quota, now)
    return answer.render()


def _find_claim(request: Request, token: AccessToken) -> Claim | None:
    given = request.headers.getlist("Idempotency-Key")
    if not given:
        return None
    matched = _KEY.fullmatch(given[0].strip(" ")) if len(given) == 1 else None
    if matched is None:
        detail = 'Idempotency-Key must be one quoted string of 1 to 255 characters, such as "8e03978e".'
        raise Problem(problems.INVALID_IDEMPOTENCY_KEY, detail)
    return Claim(token.sub, token.client_id, request.scope["route"].path, matched[1])


async def _find_answer(
    owner: str, connection: AsyncConnection, claim: Claim, body_hash: bytes, now: datetime
) -> Answer | None:
    """The stored response of the key. If the key is new, reserve it and return None."""
    taken = {**claim._asdict(), "body_hash": body_hash, "body": b"", "now": now, "expires_at": now + KEY_TTL}
    if (await connection.execute(_CLAIM, taken)).one_or_none() is not None:
        return None
    row = (await connection.execute(_FIND, _parameters(owner, claim))).one()
    if bytes(row.body_hash) != body_hash:
        raise Problem(problems.IDEMPOTENCY_KEY_REUSED, "The key was used with another body. Use a new key.")
    return Answer(row.status, bytes(row.body), json.loads(row.headers))


async def _store(
    owner: str, connection: AsyncConnection, claim: Claim, answer: Answer, quota: Quota, now: datetime
) -> None:
    """Keep the response, in the room of `owner`."""
    headers = json.dumps(answer.headers)
    await owners.keep(owner, connection, rooms.of_answer(answer.body, headers), quota=quota, now=now)
    values = {"status": answer.status, "headers": headers, "body": answer.body}
    await connection.execute(_STORE.values(values), _parameters(claim.owner, claim))


def _parameters(owner: str, claim: Claim) -> dict[str, str]:
    return {f"{name}_": value for name, value in claim._replace(owner=owner)._asdict().items()}
