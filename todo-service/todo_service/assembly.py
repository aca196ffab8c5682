"""The parts of one process: made from the settings at the start. http/parts.py gives them to endpoints."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

import atjwt
from atjwt import Endpoints, Policy, Polling, SavedCopies, Schedule, Verifier

from .account_events.endpoint import EventReceiver
from .agents import metadata as agent_metadata
from .agents.lazy import LazyServer
from .http import protected_resource
from .http.authentication import Authenticator
from .http.parts import Supply
from .http.protected_resource import ProtectedResource
from .limits.redis_address import parse_redis_url
from .limits.subjects import RateLimit
from .limits.turns import Places, Turns
from .migrations import HEAD
from .settings.settings import Settings
from .store.database import Database, open_database
from .telemetry.counts import RequestCounts
from .todos import cursors, memberships
from .todos.idempotency import InFlight
from .todos.rooms import Quota
from .todos.streams import Streams
from .verifier_reports import Held, HeldList, Pace, VerifierReports
from .web_application.routes import Files, read_files

if TYPE_CHECKING:
    from .limits.shared_windows import SharedWindows

JWKS_PATH = "/.well-known/jwks.json"
STATUS_LISTS_PATH = "/oauth/status-lists"
_PATIENCE = timedelta(seconds=10)  # for the turn of a costly request
_PROOF_ALGORITHMS = frozenset(("ES256", "PS256"))  # of DPoP proofs: FAPI 2.0 §5.4.1 leaves RS256 out
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Parts(Supply):
    """All parts. No part is replaced after the start."""

    clock: Callable[[], float]
    counts: RequestCounts
    database: Database
    needed_revision: str  # of the database's schema
    cursor_key: bytes
    quota: Quota  # most that one owner may have
    search_turns: Turns
    batch_turns: Turns
    export_turns: Turns
    export_places: Places
    in_flight: InFlight
    streams: Streams
    verifier: Verifier
    requires_status: bool
    authenticator: Authenticator
    rate_limit: RateLimit | None
    event_receiver: EventReceiver
    verifier_reports: VerifierReports | None
    protected_resource: ProtectedResource
    mcp_authenticator: Authenticator
    mcp_metadata: ProtectedResource
    mcp_origins: frozenset[str]  # pages that may call /mcp
    mcp_server: LazyServer
    web_files: Files


@dataclass(frozen=True, slots=True)
class Seams:
    """Parts that tests replace: the clock, and the times between requests to the issuer."""

    clock: Callable[[], float] = time.time
    schedule: Schedule | None = None
    polling: Polling | None = None
    pace: Pace | None = None


@asynccontextmanager
async def assembled(settings: Settings, counts: RequestCounts, seams: Seams) -> AsyncIterator[Parts]:
    """Make the parts. When the block ends, close the database."""
    database = open_database(settings.database_url.get_secret_value())
    try:
        async with database.reader.connect() as connection:
            cursor_key = await cursors.get_key(connection)
        if await database.bypasses_row_level_security():
            _log.warning("the database role is exempt from row-level security: only the queries separate owners")
        yield _assemble(settings, database, cursor_key, counts, seams)
    finally:
        await database.close()


def _assemble(settings: Settings, database: Database, cursor_key: bytes, counts: RequestCounts, seams: Seams) -> Parts:
    clock = seams.clock
    verifier = _verifier(settings, settings.issuer + protected_resource.RESOURCE_PATH, seams)
    metadata = protected_resource.describe(settings.issuer, verifier.policy.proof_algorithms)
    mcp_metadata = protected_resource.describe(
        settings.issuer,
        verifier.policy.proof_algorithms,
        path=agent_metadata.RESOURCE_PATH,
        scopes=agent_metadata.SCOPES,
    )
    return Parts(
        clock=clock,
        counts=counts,
        database=database,
        needed_revision=HEAD,
        cursor_key=cursor_key,
        quota=Quota(settings.quota, settings.quota_bytes),
        search_turns=Turns(at_once=2, waiting=8, patience=_PATIENCE),
        batch_turns=Turns(at_once=1, waiting=4, patience=_PATIENCE, share=0.04),
        export_turns=Turns(at_once=1, waiting=1, patience=_PATIENCE, share=0.5),
        export_places=Places(16, patience=_PATIENCE),
        in_flight=InFlight(),
        streams=Streams(database, verifier, counts.event_streams, partial(memberships.find_followed, database)),
        verifier=verifier,
        requires_status=verifier.policy.requires_status,
        authenticator=Authenticator(
            verifier,
            origin=settings.issuer,
            resource_metadata=settings.issuer + protected_resource.PATH,
            rejections=counts.rejections,
            clock=clock,
        ),
        rate_limit=_rate_limit(settings),
        event_receiver=EventReceiver(verifier, settings.client_id, database, clock),
        verifier_reports=_verifier_reports(settings, verifier, seams.pace),
        protected_resource=metadata,
        mcp_authenticator=Authenticator(
            verifier.for_audience(settings.issuer + agent_metadata.RESOURCE_PATH),
            origin=settings.issuer,
            resource_metadata=settings.issuer + agent_metadata.PATH,
            rejections=counts.rejections,
            clock=clock,
            scope=" ".join(agent_metadata.SCOPES),
        ),
        mcp_metadata=mcp_metadata,
        mcp_origins=frozenset((settings.issuer, *settings.cors_origins)),
        mcp_server=LazyServer(),
        web_files=read_files(settings.web_folder),
    )


def _verifier(settings: Settings, audience: str, seams: Seams) -> Verifier:
    """The addresses are those of auth-service, so no metadata are needed: one document less to wait for."""
    issuer = settings.issuer
    return Verifier(
        issuer,
        audience,
        policy=Policy(requires_status=settings.require_status == "on", proof_algorithms=_PROOF_ALGORITHMS),
        reached_at=settings.auth_url or None,
        endpoints=Endpoints(issuer + JWKS_PATH, issuer + STATUS_LISTS_PATH),
        hints=settings.status_hints_url,
        saved=SavedCopies(settings.jwks_file, settings.status_lists_file),
        seams=atjwt.Seams(clock=seams.clock, schedule=seams.schedule, polling=seams.polling),
    )


def _rate_limit(settings: Settings) -> RateLimit | None:
    if settings.rate_limit is None:
        return None
    return RateLimit(settings.rate_limit, _shared_windows(settings))


def _shared_windows(settings: Settings) -> "SharedWindows | None":
    if settings.redis_url is None:
        return None
    from .limits.shared_windows import SharedWindows  # takes 20 MB, needed only with Redis

    address = parse_redis_url(settings.redis_url.get_secret_value())
    return SharedWindows(address, prefix="todo", timeout=settings.redis_timeout, ca_file=settings.redis_ca_file)


def _verifier_reports(settings: Settings, verifier: Verifier, pace: Pace | None) -> VerifierReports | None:
    if not settings.client_id:
        return None

    def held() -> Held:
        report = verifier.report()
        kids = sorted({*report.keys.kids, *report.keys.status_list_kids})
        lists = sorted(report.status_lists.held, key=lambda each: each.uri)
        return Held(tuple(kids), tuple(HeldList(each.uri, each.version, int(each.iat)) for each in lists))

    secret = settings.client_secret.get_secret_value()
    return VerifierReports(settings.auth_url or settings.issuer, settings.client_id, secret, held, pace)
