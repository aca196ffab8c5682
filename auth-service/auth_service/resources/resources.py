"""The registry of APIs. Changes exclude each other, so that each is checked against all others."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Boolean, ForeignKey, Integer, String, Text, bindparam, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.audiences import Resources
from ..oauth.resources import Resource
from ..store.instants import Instant
from ..store.rows import Row
from ..store.together import Asked, Rows, send


class RegisteredResource(Row):
    __tablename__ = "resources"

    resource: Mapped[str] = mapped_column(String(1024), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    roles: Mapped[str] = mapped_column(Text)  # JSON
    access_token_ttl: Mapped[int | None] = mapped_column(Integer)  # seconds; None: the deployment's
    access_token_signing_alg: Mapped[str] = mapped_column(String(16))
    clients: Mapped[str] = mapped_column(String(16))
    identity: Mapped[bool] = mapped_column(Boolean)
    groups: Mapped[bool] = mapped_column(Boolean)
    listed: Mapped[bool] = mapped_column(Boolean)
    second_factor_roles: Mapped[str | None] = mapped_column(Text)  # JSON; None: none
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class ResourceScope(Row):
    """A scope. It is the key, because it belongs to one API only."""

    __tablename__ = "resource_scopes"

    scope: Mapped[str] = mapped_column(String(64), primary_key=True)
    resource: Mapped[str] = mapped_column(ForeignKey("resources.resource", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    sentence: Mapped[str] = mapped_column(Text)


_ALL = (
    select(RegisteredResource, ResourceScope.scope, ResourceScope.sentence)
    .join(ResourceScope, ResourceScope.resource == RegisteredResource.resource)
    .order_by(RegisteredResource.created_at, RegisteredResource.resource, ResourceScope.position)
)


async def load(session: AsyncSession, issuer: str) -> Resources:
    """All APIs, the oldest first, in one statement: between two, another process could change the registry."""
    scopes: dict[str, dict[str, str]] = {}
    rows: dict[str, RegisteredResource] = {}
    for row, scope, sentence in (await session.execute(_ALL)).all():
        rows[row.resource] = row
        scopes.setdefault(row.resource, {})[scope] = sentence
    return Resources(issuer, tuple(_value(row, scopes[name]) for name, row in rows.items()))


async def load_locked(session: AsyncSession, issuer: str) -> Resources:
    """All APIs; nobody else changes one until the end of the transaction. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("LOCK TABLE resources IN SHARE ROW EXCLUSIVE MODE"))
    return await load(session, issuer)


_LOCK = (
    select(RegisteredResource.resource)
    .where(RegisteredResource.resource == bindparam("resource"))
    .with_for_update(read=True)
)
_SCOPES = select(ResourceScope.scope).where(ResourceScope.resource == bindparam("resource"))


@dataclass(frozen=True)
class Locking:
    """The statements by which APIs are locked, so that neither they nor their scopes change in a transaction.

    The scopes of an API are read by a second statement: the first may have waited for a change of them.
    """

    resources: Collection[str]

    @property
    def asked(self) -> Mapping[str, Asked]:
        """In the order of the APIs (store/__init__.py, "Locks")."""
        kinds = (("api", _LOCK), ("scopes of", _SCOPES))
        return {
            f"{kind} {each}": Asked(statement, {"resource": each})
            for each in sorted(self.resources)
            for kind, statement in kinds
        }

    def allows(self, found: Mapping[str, Rows], scopes: Collection[str]) -> bool:
        """Whether all of the APIs are registered, and all of these scopes are theirs."""
        if not self.resources:
            return True
        known = {row[0] for each in self.resources for row in found[f"scopes of {each}"]}
        return all(found[f"api {each}"] for each in self.resources) and set(scopes) <= known


async def lock_registered(session: AsyncSession, resources: Collection[str], scopes: Collection[str]) -> bool:
    """Whether all of these APIs and scopes are registered. None is removed until the end of the transaction."""
    locking = Locking(set(resources))
    return locking.allows(await send(session, locking.asked), scopes)


async def put(session: AsyncSession, resource: Resource, *, now: datetime) -> None:
    """Register the API, or replace its registration. Call it after `load_locked` and the checks."""
    kept = await session.get(RegisteredResource, resource.resource)
    ttl = resource.access_token_ttl
    values = {
        "name": resource.name,
        "roles": json.dumps(dict(resource.roles)),
        "access_token_ttl": None if ttl is None else int(ttl.total_seconds()),
        "access_token_signing_alg": resource.access_token_signing_alg,
        "clients": resource.clients,
        "identity": resource.identity,
        "groups": resource.groups,
        "listed": resource.listed,
        "second_factor_roles": json.dumps(list(resource.second_factor_roles)) if resource.second_factor_roles else None,
        "updated_at": now,
    }
    which = RegisteredResource.resource == resource.resource
    if kept is None:
        session.add(RegisteredResource(resource=resource.resource, created_at=now, **values))
    else:
        await session.execute(update(RegisteredResource).where(which).values(values))
    await session.flush()  # before its scopes, which refer to it
    await session.execute(delete(ResourceScope).where(ResourceScope.resource == resource.resource))
    session.add_all(
        ResourceScope(scope=scope, resource=resource.resource, position=position, sentence=sentence)
        for position, (scope, sentence) in enumerate(resource.scopes.items())
    )
    await session.flush()


async def lock(session: AsyncSession, identifier: str) -> None:
    """Lock an API before it is removed, so that nobody stores something for it."""
    own = select(RegisteredResource.resource).where(RegisteredResource.resource == identifier)
    await session.execute(own.with_for_update())


async def remove(session: AsyncSession, identifier: str) -> None:
    await session.execute(delete(RegisteredResource).where(RegisteredResource.resource == identifier))


def _value(row: RegisteredResource, scopes: dict[str, str]) -> Resource:
    return Resource(
        resource=row.resource,
        name=row.name,
        scopes=scopes,
        roles=json.loads(row.roles),
        access_token_ttl=None if row.access_token_ttl is None else timedelta(seconds=row.access_token_ttl),
        access_token_signing_alg=row.access_token_signing_alg,
        clients=row.clients,
        identity=row.identity,
        groups=row.groups,
        listed=row.listed,
        second_factor_roles=tuple(json.loads(row.second_factor_roles or "[]")),
    )
