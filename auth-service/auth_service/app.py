"""The application of auth-service: its routes, its middleware, and what is done at its start and end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp, Receive, Scope, Send

from .assembly import assembled
from .endpoints.better_auth.cross_origin import CrossOrigin
from .endpoints.token.grants import GRANT_TYPES
from .http.client_cors import ClientCrossOrigin
from .http.direct_routes import DirectRoutes
from .http.head_requests import HeadLikeGet
from .http.outgoing import SendOutgoing, has_started
from .http.unserved_addresses import UnservedAddresses
from .keys.ring import reload_periodically
from .serving.failures import add_exception_handlers, render_failure
from .serving.routes import ROUTES
from .settings.settings import Settings
from .status_lists.published import refresh_periodically
from .store.instants import Clock, utc_now
from .telemetry import tracing
from .telemetry.access_log import AccessLog
from .telemetry.client_address import ClientAddress
from .telemetry.counts import RequestCounts

_log = structlog.get_logger(__name__)


def create_app(settings: Settings, *, clock: Clock = utc_now, traces: TracerProvider | None = None) -> FastAPI:
    counts = RequestCounts.at_zero(GRANT_TYPES)
    app = FastAPI(
        title="auth-service",
        version="1",
        description="An OAuth 2.0 and OpenID Connect provider, and a server of the Better Auth protocol.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, clock, counts),
        telemetry=tracing.describe(traces),
    )
    app.router.routes[:] = [UnservedAddresses(), *app.router.routes, *ROUTES]
    add_exception_handlers(app)
    # The last one is the outermost.
    app.add_middleware(DirectRoutes, routes=ROUTES)
    for middleware in (HeadLikeGet, CrossOrigin, ClientCrossOrigin, LastResort, SendOutgoing):
        app.add_middleware(middleware)
    app.add_middleware(AccessLog, counts=counts)
    app.add_middleware(ClientAddress)
    return app


def _lifespan(
    settings: Settings, clock: Clock, counts: RequestCounts
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with assembled(settings, clock, counts) as parts:
            app.state.parts = parts
            tasks = [
                asyncio.create_task(reload_periodically(parts.keys, clock)),
                asyncio.create_task(reload_periodically(parts.status_list_keys, clock)),
                asyncio.create_task(refresh_periodically(parts.status_lists, clock)),
            ]
            async with parts.client_limits.running():
                yield
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # they use the database, which is closed next

    return lifespan


async def check_start(settings: Settings) -> None:
    """Assemble the parts once and close them, so that the caller can report a failure in one line without a traceback.

    Raises:
        SchemaMismatch, UnreadableKey: the service cannot start. Nothing was changed.
    """
    async with assembled(settings, utc_now, RequestCounts.at_zero(GRANT_TYPES)):
        pass


class LastResort:
    """Middleware that answers an unexpected exception with a 500 without details, and logs the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            if has_started(scope) or scope["type"] != "http":
                raise
            _log.exception("unhandled")
            await render_failure(Request(scope), HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send)
