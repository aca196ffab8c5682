"""The application: its routes, middleware, start and shutdown."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .account_events import endpoint as account_events
from .agents import endpoint as agents
from .agents import metadata as agent_metadata
from .assembly import Parts, Seams, assembled
from .http import health, openapi, problems, protected_resource, refusals
from .http.cross_origin import CrossOrigin
from .http.head_requests import HeadLikeGet
from .http.outgoing import SendOutgoing
from .http.problems import Problem
from .http.unserved_addresses import UnservedAddresses
from .settings.settings import Settings
from .telemetry import tracing
from .telemetry.access_log import AccessLog
from .telemetry.client_address import ClientAddress
from .telemetry.counts import RequestCounts
from .telemetry.exposition import MetricsPort, collect_metrics
from .telemetry.metrics import Durations, Metric
from .telemetry.shared_metrics import SharedMetrics
from .todos import purge, routes
from .web_application import routes as web

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    *,
    seams: Seams | None = None,
    metrics_port: int | None = None,
    traces: "TracerProvider | None" = None,
    shared: SharedMetrics | None = None,
) -> FastAPI:
    """Build the application.

    `metrics_port` serves /metrics only, with `shared` those of several processes. `traces` receives the spans of
    requests.
    """
    counts = RequestCounts()
    app = FastAPI(
        title="todo-service",
        version="1",
        description="Todos of the person or service that the access token speaks for.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, counts, seams or Seams(), traces),
        telemetry=tracing.describe(traces),
    )
    _add_routes(app, takes_events=bool(settings.client_id))
    refusals.add_to(app)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]  # FastAPI's documented way
    app.add_middleware(HeadLikeGet)
    app.add_middleware(LastResort)
    app.add_middleware(CrossOrigin, origins=settings.cors_origins)
    app.add_middleware(SendOutgoing)
    app.add_middleware(AccessLog, counts=counts)
    app.add_middleware(ClientAddress)
    if metrics_port is not None:
        app.add_middleware(MetricsPort, port=metrics_port, collect=partial(own_metrics, app), shared=shared)
    return app


def end_streams(app: FastAPI) -> None:
    """End the responses that would otherwise go on for minutes: the process is about to stop."""
    parts: Parts = app.state.parts
    parts.streams.end_all()


def _add_routes(app: FastAPI, *, takes_events: bool) -> None:
    """Add the routes themselves, the hottest first: FastAPI would search an included router twice for each request."""
    routers = [routes.router(prefix) for prefix in (routes.OWN, routes.BY_USER)]
    routers += [health.router, protected_resource.router, agent_metadata.router, agents.router]
    routers += [account_events.router] if takes_events else []
    added = [route for router in (*routers, web.router()) for route in router.routes]
    app.router.routes[:] = [UnservedAddresses(), *app.router.routes, *added]


def own_metrics(app: FastAPI) -> Sequence[Metric | Durations]:
    """The metrics of this process."""
    parts: Parts = app.state.parts
    return collect_metrics(parts.counts, parts.verifier.report(), parts.rate_limit, parts.database)


def _lifespan(
    settings: Settings, counts: RequestCounts, seams: Seams, traces: "TracerProvider | None"
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with assembled(settings, counts, seams) as parts, _running(parts):
                app.state.parts = parts
                yield
        finally:
            if traces is not None:
                await tracing.send_the_rest(traces)

    return lifespan


@asynccontextmanager
async def _running(parts: Parts) -> AsyncIterator[None]:
    """Run the background tasks until the block ends."""
    work = [
        purge.purge_forever(parts.database, clock=parts.clock),
        parts.streams.follow_forever(),
        parts.streams.check_forever(),
        parts.mcp_server.run_forever(),
    ]
    if parts.verifier_reports is not None:
        work.append(parts.verifier_reports.report_forever())
    tasks = [asyncio.create_task(each) for each in work]
    limits = nullcontext() if parts.rate_limit is None else parts.rate_limit.running()
    try:
        async with parts.verifier, limits:
            yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class LastResort:
    """Turns an unexpected exception into a log line and a 500. If the response has begun, the exception passes on."""

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
            problem = Problem(problems.INTERNAL_ERROR, "The service's log has the reason, with this request_id.")
            await problems.render(Request(scope), problem)(scope, receive, send)
