"""Where the parts of auth-service meet: the application, its start and its end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_network

import structlog
from fastapi import FastAPI
from opentelemetry.trace import TracerProvider
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .accounts.passwords import PasswordHasher
from .clients.assertions import AssertionVerifier
from .clients.authentication import ClientAuthenticator
from .clients.cache import ClientCache
from .clients.fetched_keys import FetchedKeys
from .clients.origins import ClientOrigins
from .endpoints.better_auth.cross_origin import CrossOrigin
from .endpoints.token.grants import GRANT_TYPES
from .http.browsers import Browsers
from .http.client_cors import ClientCrossOrigin
from .http.outgoing import SendOutgoing
from .http.parts import Parts
from .http.session_cookies import SessionCookies
from .keys.ring import KeyRing, reload_periodically
from .keys.signing import KeyStore, open_status_list_keys
from .limits.attempts import AttemptLimiter
from .limits.clients import open_client_limits
from .migrations import HEAD
from .network.outbound import Outbound
from .network.trusted_origins import TrustedOrigins
from .sealed.sealing import Seal
from .serving.failures import add_exception_handlers, render_failure
from .serving.routes import ROUTES
from .sessions.lifetimes import Lifetimes
from .settings.settings import Settings
from .status_lists import lists as status_lists
from .status_lists.published import PublishedStatusLists, refresh_periodically
from .store.database import Database, open_database
from .store.instants import Clock, utc_now
from .telemetry import tracing
from .telemetry.access_log import AccessLog
from .telemetry.counts import RequestCounts
from .tokens.access_tokens import AccessTokenReader
from .tokens.id_token_hints import HintVerifier
from .tokens.issuer import TokenIssuer
from .tokens.refresh_tokens import RefreshLifetimes, RefreshTokens
from .tokens.session_tokens import SessionTokens
from .tokens.token_status import TokenStatus

UNLIMITED_QUEUE = 100_000
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
    app.router.routes.extend(ROUTES)
    add_exception_handlers(app)
    for middleware in (CrossOrigin, ClientCrossOrigin, LastResort, SendOutgoing):  # the last one is the outermost
        app.add_middleware(middleware)
    app.add_middleware(AccessLog, counts=counts)
    return app


def _lifespan(
    settings: Settings, clock: Clock, counts: RequestCounts
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = open_database(settings.database_url.get_secret_value())
        try:
            app.state.parts = parts = await _assemble(settings, database, clock, counts)
            tasks = [
                asyncio.create_task(reload_periodically(parts.keys, clock)),
                asyncio.create_task(reload_periodically(parts.status_list_keys, clock)),
                asyncio.create_task(refresh_periodically(parts.status_lists, clock)),
            ]
            async with parts.client_limits.running():
                yield
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # before the database is closed, which they use
            parts.passwords.close()
        finally:
            await database.close()

    return lifespan


async def check_start(settings: Settings) -> None:
    """Do once what a start does, so that its refusal can be told in one line rather than as a server's traceback.

    Raises:
        SchemaMismatch, UnreadableKey: nothing is changed.
    """
    database = open_database(settings.database_url.get_secret_value())
    try:
        (await _assemble(settings, database, utc_now, RequestCounts.at_zero(GRANT_TYPES))).passwords.close()
    finally:
        await database.close()


async def _assemble(settings: Settings, database: Database, clock: Clock, counts: RequestCounts) -> Parts:
    await database.require_revision(HEAD)
    store = KeyStore(database, settings.versioned("key_encryption_keys"), longest_token_ttl=settings.longest_token_ttl)
    keys = KeyRing(store, await store.load_or_create(now=clock()))
    status_store = open_status_list_keys(database, settings.versioned("key_encryption_keys"))
    status_keys = KeyRing(status_store, await status_store.load_or_create(now=clock()))
    await status_lists.create_first(database, now=clock())
    published = PublishedStatusLists(settings.issuer, database, status_keys, access_token_ttl=settings.access_token_ttl)
    await published.refresh(now=clock())
    tokens = TokenIssuer(settings.issuer, settings.access_token_ttl, settings.id_token_ttl, keys)
    outbound = Outbound([*map(ip_network, settings.outbound_allowed_networks)], settings.outbound_ca_file)
    verifier = AssertionVerifier(database, FetchedKeys(outbound))
    secret = settings.versioned("secret")
    client_quota = settings.client_rate_limit if settings.limits == "on" else None
    queue_limit = settings.hashing_queue_limit if settings.limits == "on" else UNLIMITED_QUEUE
    return Parts(
        issuer=settings.issuer,
        grant_types=GRANT_TYPES,
        database=database,
        clock=clock,
        counts=counts,
        keys=keys,
        status_list_keys=status_keys,
        status_lists=published,
        token_status=TokenStatus(database, published),
        tokens=tokens,
        client_limits=open_client_limits(
            client_quota, settings.redis_url, settings.redis_ca_file, settings.redis_timeout
        ),
        clients=ClientAuthenticator(settings.issuer, ClientCache(database), verifier),
        session_tokens=SessionTokens(tokens, counts),
        passwords=PasswordHasher(threads=settings.hashing_threads, queue_limit=queue_limit),
        attempts=AttemptLimiter(database, secret, is_on=settings.limits == "on"),
        session_cookies=SessionCookies(secret, cookie_secure=settings.issuer.startswith("https:")),
        browsers=Browsers(settings.issuer, secret),
        hints=HintVerifier(database, settings.issuer),
        trusted_origins=TrustedOrigins(settings.issuer, settings.trusted_origins),
        session_lifetimes=Lifetimes(
            settings.session_ttl, settings.session_update_age, settings.session_absolute_max_age
        ),
        session_fresh_max_age=settings.session_fresh_max_age,
        authorization_code_ttl=settings.authorization_code_ttl,
        refresh_tokens=RefreshTokens(
            database,
            RefreshLifetimes(settings.refresh_token_idle_ttl, settings.refresh_token_absolute_max_age),
            Seal(secret, "refresh token successors"),
        ),
        access_tokens=AccessTokenReader(settings.issuer, keys, database),
        client_origins=ClientOrigins(database),
    )


class LastResort:
    """What nobody foresaw becomes a 500 that says nothing, and a log line that says where."""

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
                raise
            _log.exception("unhandled")
            await render_failure(HTTPStatus.INTERNAL_SERVER_ERROR)(scope, receive, send)
