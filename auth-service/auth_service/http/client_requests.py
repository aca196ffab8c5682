"""Authenticating the client of a token, introspection or revocation request, and counting the request."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..clients.authentication import ClientAuthenticator, FindClient
from ..clients.clients import Client
from ..limits.clients import ClientLimits
from ..oauth.errors import TemporarilyUnavailable
from ..oauth.parameters import Parameters
from .outgoing import outgoing_of
from .parts import Given


@dataclass(frozen=True)
class ClientRequestParts(Given):
    clients: ClientAuthenticator
    client_limits: ClientLimits


async def authenticate(
    request: Request,
    parts: ClientRequestParts,
    parameters: Parameters,
    *,
    find: FindClient | None = None,
    now: datetime,
) -> Client:
    """The authenticated client; its request is counted. Any response, even a refusal, carries the `RateLimit` fields.

    Requests of public clients are not counted: a public client proves nothing, so anyone could name it and use up its
    limit. Those requests, and requests that are refused here, are limited by the gateway.

    Raises:
        InvalidRequest, InvalidClient: as `ClientAuthenticator.authenticate`.
        TemporarilyUnavailable: the client is authenticated, but its limit is exceeded.
    """
    shown = request.headers.getlist("authorization")
    client = await parts.clients.authenticate(shown, parameters, find=find, now=now)
    if not client.registration.is_public:
        endpoint = request.scope["path"].removeprefix("/oauth/")
        standing = await parts.client_limits.spend(endpoint, client.client_id)
        outgoing_of(request).fields.update(standing.header_fields)
        if standing.is_exceeded:
            raise TemporarilyUnavailable("This client has sent too many requests.")
    return client
