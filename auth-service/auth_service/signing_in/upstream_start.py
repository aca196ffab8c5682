"""A person goes to an upstream provider, to sign in, or to link their identity there to their account."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Request

from ..accounts.upstreams import starts
from ..accounts.upstreams.dialogue import Upstreams
from ..accounts.upstreams.starts import Start
from ..http.browsers import Browsers
from ..http.current_session import device_of
from ..http.parts import Given
from ..limits.attempts import TooManyAttempts
from ..network.networks import networks_of
from ..sealed import opaque
from ..store.database import Database

LOGIN = "login"  # the value of `prompt` (OpenID Connect Core §3.1.2.1)


class UnknownProvider(Exception):
    """No upstream provider has this id."""


@dataclass(frozen=True)
class UpstreamStartParts(Given):
    database: Database
    browsers: Browsers
    upstreams: Upstreams


async def begin_upstream(
    request: Request, parts: UpstreamStartParts, now: datetime, wished: Start, *, login_hint: str = ""
) -> str:
    """Store what begins, for this browser, and return the provider's address. The browser's cookie is sent.

    Raises:
        UnknownProvider, ProviderUnavailable
        TooManyAttempts: the network has begun too many.
    """
    registered = await parts.upstreams.cache.find(wished.upstream_id, now=now)
    if registered is None:
        raise UnknownProvider
    networks = networks_of(device_of(request).ip_address)
    standing = await parts.upstreams.limits.spend(wished.upstream_id, networks)
    if standing.is_exceeded:
        raise TooManyAttempts(timedelta(seconds=int(standing.header_fields.get("Retry-After", "1"))))
    await parts.upstreams.check_reachable(registered, now)
    issuer, client_id = registered.upstream.issuer, registered.upstream.client_id
    start = replace(wished, issuer=issuer, client_id=client_id, nonce=opaque.draw(), code_verifier=opaque.draw())
    browser = parts.browsers.recognize(request)
    async with parts.database.writing() as session:
        state = starts.begin(session, parts.upstreams.starts, browser, start, now=now)
    hint = {"login_hint": login_hint} if login_hint else {}
    # `max_age` obliges the provider to say in `auth_time` when the person signed in; `prompt` alone does not.
    again = {"prompt": LOGIN, "max_age": "0"} if start.asks_again else {}
    return await parts.upstreams.make_address(registered, start, state, now, **hint, **again)
