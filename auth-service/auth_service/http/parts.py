"""What endpoints are given: the parts that app.py assembled, and the time.

Both are coroutines only because FastAPI sends plain functions to a thread, which costs more than the request.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from ..accounts.passwords import PasswordHasher
from ..clients.authentication import ClientAuthenticator
from ..clients.origins import ClientOrigins
from ..keys.ring import KeyRing
from ..limits.attempts import AttemptLimiter
from ..limits.clients import ClientLimits
from ..network.trusted_origins import TrustedOrigins
from ..sessions.lifetimes import Lifetimes
from ..status_lists.published import PublishedStatusLists
from ..store.database import Database
from ..store.instants import Clock
from ..telemetry.counts import RequestCounts
from ..tokens.access_tokens import AccessTokenReader
from ..tokens.id_token_hints import HintVerifier
from ..tokens.issuer import TokenIssuer
from ..tokens.refresh_tokens import RefreshTokens
from ..tokens.session_tokens import SessionTokens
from ..tokens.token_status import TokenStatus
from .browsers import Browsers
from .session_cookies import SessionCookies


@dataclass(frozen=True)
class Parts:
    """The parts of one process, made at its start; nothing else is put in their place afterwards."""

    issuer: str
    grant_types: tuple[str, ...]
    database: Database
    clock: Clock
    counts: RequestCounts
    keys: KeyRing
    status_list_keys: KeyRing
    status_lists: PublishedStatusLists
    token_status: TokenStatus
    tokens: TokenIssuer
    clients: ClientAuthenticator
    client_limits: ClientLimits
    session_tokens: SessionTokens
    passwords: PasswordHasher
    attempts: AttemptLimiter
    session_cookies: SessionCookies
    browsers: Browsers
    hints: HintVerifier
    trusted_origins: TrustedOrigins
    session_lifetimes: Lifetimes
    session_fresh_max_age: timedelta
    authorization_code_ttl: timedelta
    refresh_tokens: RefreshTokens
    access_tokens: AccessTokenReader
    client_origins: ClientOrigins


def parts_of(request: Request) -> Parts:
    """For the hottest paths, whose work takes less time than solving dependencies."""
    parts: Parts = request.app.state.parts
    return parts


async def get_parts(request: Request) -> Parts:
    return parts_of(request)


PartsDep = Annotated[Parts, Depends(get_parts)]


async def get_now(parts: PartsDep) -> datetime:
    return parts.clock()


Now = Annotated[datetime, Depends(get_now)]
