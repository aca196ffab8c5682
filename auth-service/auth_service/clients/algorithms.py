"""Which APIs and clients use which signing algorithm, and which verifiers' reports are evidence for its keys.

An API's tokens are signed with RS256 until the first key of its algorithm is active (keys/signing.py).
"""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..keys.signing import ACTIVE, STATUS_LISTS, SigningKey, token_purpose
from ..keys.verifier_reports import VerifierReport, list_reports
from ..oauth.algorithms import ALGORITHMS, OF_CLIENTS, RS256
from ..resources.resources import RegisteredResource
from .clients import Client

_PAGE = 100


async def find_used(session: AsyncSession) -> frozenset[str]:
    """The algorithms that need keys. RS256 always does."""
    used = {RS256, *await session.scalars(select(RegisteredResource.access_token_signing_alg).distinct())}
    return frozenset([alg for alg in ALGORITHMS if alg in used or await _has_clients(session, alg)])


async def find_clients(session: AsyncSession, alg: str) -> AsyncIterator[str]:
    """The clients that registered the algorithm for their ID tokens or userinfo responses, page by page.

    The database only searches the text. It could find the words in a client's `jwks`, too, and PostgreSQL refuses to
    read JSON with a lone surrogate, which a client may have sent.
    """
    after = ""
    both = (
        or_(*(Client.registered.contains(member, autoescape=True) for member in OF_CLIENTS)),
        Client.registered.contains(f'"{alg}"', autoescape=True),
    )
    page = select(Client.client_id, Client.registered).where(*both).order_by(Client.client_id).limit(_PAGE)
    while rows := (await session.execute(page.where(Client.client_id > after))).all():
        for row in rows:
            members = json.loads(row.registered)
            if alg in [members.get(member) for member in OF_CLIENTS]:
                yield row.client_id
        after = rows[-1].client_id


async def _has_clients(session: AsyncSession, alg: str) -> bool:
    async for _ in find_clients(session, alg):
        return True
    return False


async def find_active_key(session: AsyncSession, alg: str) -> SigningKey | None:
    ours = (SigningKey.purpose == token_purpose(alg), SigningKey.state == ACTIVE)
    return await session.scalar(select(SigningKey).where(*ours))


async def find_evidence(session: AsyncSession, purpose: str, *, now: datetime) -> Sequence[VerifierReport]:
    """The reports of verifiers that need the keys of this purpose.

    Status lists concern every verifier; a key for tokens only those whose APIs have tokens of its algorithm, now or as
    soon as it has an active key. A client whose APIs are unknown counts for RS256.
    """
    reports = await list_reports(session, now=now)
    if purpose == STATUS_LISTS or not reports:
        return reports
    algorithms = {api.resource: api.access_token_signing_alg for api in (await session.execute(_ALGORITHMS)).all()}
    active = {alg for alg in ALGORITHMS if await find_active_key(session, alg) is not None}
    apis_of = await _find_apis(session, {report.client_id for report in reports})

    def needs(api: str) -> set[str]:
        wanted = algorithms.get(api, RS256)
        return {token_purpose(wanted), token_purpose(wanted if wanted in active else RS256)}

    return [
        report for report in reports if any(purpose in needs(api) for api in apis_of.get(report.client_id) or ("",))
    ]


@dataclass(frozen=True)
class Use:
    """What the keys of one algorithm sign, now or as soon as there is an active one."""

    apis: tuple[str, ...]
    polled_only: tuple[str, ...]  # those of these APIs from which no verifier reports its keys
    clients: int | None  # that registered the algorithm (`find_clients`); None for RS256, the default of all others


async def find_use(session: AsyncSession, alg: str, *, now: datetime) -> Use:
    rows = (await session.execute(_ALGORITHMS.order_by(RegisteredResource.resource))).all()
    wanting = [row.resource for row in rows if row.access_token_signing_alg == alg]
    if alg == RS256:
        for other in (each for each in ALGORITHMS if each != RS256):
            if await find_active_key(session, other) is None:
                wanting += [row.resource for row in rows if row.access_token_signing_alg == other]
    reports = await list_reports(session, now=now)
    apis_of = await _find_apis(session, {report.client_id for report in reports})
    reporting = {api for apis in apis_of.values() for api in apis}
    clients = None if alg == RS256 else len([each async for each in find_clients(session, alg)])
    return Use(tuple(wanting), tuple(api for api in wanting if api not in reporting), clients)


async def find_lacking(session: AsyncSession, purpose: str, kid: str, *, now: datetime) -> list[str]:
    """The names of the instances that need the key, and whose last report lacks it."""
    return [report.name for report in await find_evidence(session, purpose, now=now) if not report.holds(kid)]


async def find_lacking_of(session: AsyncSession, api: str, kid: str, *, now: datetime) -> list[str]:
    """The names of this API's instances whose last report lacks the key."""
    reports = [report for report in await list_reports(session, now=now) if not report.holds(kid)]
    apis_of = await _find_apis(session, {report.client_id for report in reports})
    return [report.name for report in reports if api in apis_of.get(report.client_id, ())]


async def _find_apis(session: AsyncSession, client_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The APIs that each of these clients is a resource server for."""
    found = (await session.scalars(select(Client).where(Client.client_id.in_(client_ids)))).all()
    return {client.client_id: client.registration.protected_resource for client in found}


_ALGORITHMS = select(RegisteredResource.resource, RegisteredResource.access_token_signing_alg)
