"""Which APIs use which signing algorithm, and which verifiers' reports are evidence for its keys.

An API's tokens are signed with RS256 until the first key of its algorithm is active (keys/signing.py).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ..keys.signing import ACTIVE, STATUS_LISTS, SigningKey, token_purpose
from ..keys.verifier_reports import VerifierReport, list_reports
from ..oauth.algorithms import ALGORITHMS, RS256
from ..resources.resources import RegisteredResource
from .clients import Client


async def find_used(session: AsyncSession) -> frozenset[str]:
    """The algorithms that need keys. RS256 always does."""
    used = await session.scalars(select(RegisteredResource.access_token_signing_alg).distinct())
    return frozenset((RS256, *used))


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
