"""Where the parts meet: settings become objects, objects an application."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import account_events
from .account_events import EventReceiver
from .http import health, openapi, problems, protected_resource, refusals
from .http.authentication import Authenticator
from .http.cross_origin import CrossOrigin
from .http.problems import Problem
from .limits.redis_address import parse_redis_url
from .limits.subjects import RateLimit
from .settings.settings import Settings
from .store import database
from .telemetry import tracing
from .telemetry.access_log import RequestLog
from .telemetry.counts import RequestCounts
from .telemetry.exposition import MetricsPort
from .todos import cursors, purge, routes
from .todos.idempotency import InFlight
from .verifier import status_hints
from .verifier.access_token import Policy
from .verifier.jwks import JwksCache, Schedule
from .verifier.status_lists import Polling, StatusLists
from .verifier.verified_tokens import VerifiedTokens
from .verifier_reports import Held, HeldList, Pace, VerifierReports
from .web_application import routes as web

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from .limits.shared_windows import SharedWindows

STATUS_LISTS_PATH = "/oauth/status-lists"
_log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    schedule: Schedule | None = None,
    polling: Polling | None = None,
    pace: Pace | None = None,
    metrics_port: int | None = None,
    traces: "TracerProvider | None" = None,
) -> FastAPI:
    """Build the application. What arrives on `metrics_port` is for Prometheus; `traces` takes spans of requests.

    `clock`, `schedule`, `polling` and `pace` are seams for tests.
    """
    app = FastAPI(
        title="todo-service",
        version="1",
        description="Todos of the person or service that the access token speaks for.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        telemetry=tracing.describe(traces),
    )
    metadata = protected_resource.describe(settings.issuer)
    status_lists = settings.issuer + STATUS_LISTS_PATH
    policy = Policy(
        issuer=settings.issuer,
        audience=metadata.resource,
        status_lists=f"{status_lists}/",
        requires_status=settings.require_status == "on",
    )
    app.state.clock = clock
    app.state.traces = traces
    app.state.counts = counts = RequestCounts()
    app.state.quota = settings.quota
    app.state.requires_status = policy.requires_status
    app.state.shared_windows = shared = _shared_windows(settings)
    app.state.rate_limit = None if settings.rate_limit is None else RateLimit(settings.rate_limit, shared)
    app.state.in_flight = InFlight()
    app.state.protected_resource = metadata
    app.state.web = web.read_files(settings.web_folder)
    app.state.database = database.connect(settings.database_url.get_secret_value())
    app.state.jwks = JwksCache(settings.jwks_uri, saved_copy=settings.jwks_file, schedule=schedule, clock=clock)
    app.state.status_lists = StatusLists(
        status_lists,
        app.state.jwks,
        fetched_from=(settings.auth_url or settings.issuer) + STATUS_LISTS_PATH,
        saved_copy=settings.status_lists_file,
        polling=polling,
        clock=clock,
    )
    app.state.status_hints_url = settings.status_hints_url
    app.state.authenticator = Authenticator(
        app.state.jwks,
        VerifiedTokens(policy),
        app.state.status_lists,
        resource_metadata=settings.issuer + protected_resource.PATH,
        rejections=counts.rejections,
        clock=clock,
    )
    app.state.verifier_reports = _verifier_reports(settings, app.state.jwks, app.state.status_lists, pace)
    app.state.event_receiver = EventReceiver(
        settings.issuer, settings.client_id, app.state.jwks, app.state.database, clock
    )
    routers = (health.router, protected_resource.router)
    for router in (*routers, account_events.router) if settings.client_id else routers:
        app.include_router(router)
    for prefix in (routes.OWN, routes.BY_USER):
        app.include_router(routes.router(prefix))
    app.include_router(web.router())
    refusals.add_to(app)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_middleware(LastResort)
    app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(RequestLog, counts=counts)
    if metrics_port is not None:
        app.add_middleware(MetricsPort, port=metrics_port)
    return app


def _shared_windows(settings: Settings) -> "SharedWindows | None":
    if settings.redis_url is None or settings.rate_limit is None:
        return None
    from .limits.shared_windows import (
        SharedWindows,  # takes 20 MB, which a service without Redis does not need
    )

    address = parse_redis_url(settings.redis_url.get_secret_value())
    return SharedWindows(address, prefix="todo", timeout=settings.redis_timeout, ca_file=settings.redis_ca_file)


def _verifier_reports(
    settings: Settings, jwks: JwksCache, status_lists: StatusLists, pace: Pace | None
) -> VerifierReports | None:
    if not settings.client_id:
        return None

    def held() -> Held:
        if jwks.held is None:
            return Held(())
        keys = jwks.held.published
        kids = sorted({*keys.access_tokens, *keys.status_lists})
        lists = sorted(status_lists.held, key=lambda each: each.uri)
        return Held(tuple(kids), tuple(HeldList(each.uri, each.version, int(each.iat)) for each in lists))

    secret = settings.client_secret.get_secret_value()
    return VerifierReports(settings.auth_url or settings.issuer, settings.client_id, secret, held, pace)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with app.state.database.reader.connect() as connection:
        app.state.cursor_key = await cursors.get_key(connection)
    if await app.state.database.bypasses_row_level_security():
        _log.warning("the database role is exempt from row-level security: only the queries keep owners apart")
    tasks = [asyncio.create_task(purge.purge_forever(app.state.database, clock=app.state.clock))]
    if app.state.verifier_reports is not None:
        tasks.append(asyncio.create_task(app.state.verifier_reports.report_forever()))
    if app.state.status_hints_url is not None:
        tasks.append(asyncio.create_task(status_hints.follow(app.state.status_hints_url, app.state.status_lists.hint)))
    try:
        async with (
            app.state.jwks.running(),
            app.state.status_lists.running(),
            app.state.shared_windows.running() if app.state.shared_windows else nullcontext(),
        ):
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await app.state.database.dispose()
        if app.state.traces is not None:
            await tracing.send_the_rest(app.state.traces)


class LastResort:
    """Turns what nobody expected into a 500 and a line of the log. Once the answer has begun, it only ends it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def watch(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if has_started or scope["type"] != "http":
                raise  # the server logs it and closes the connection
            _log.exception("a request failed")
            problem = Problem(problems.INTERNAL_ERROR, "The log has the reason, under the request id.")
            await problems.render(Request(scope), problem)(scope, receive, send)
