"""A client's request to the token endpoint and its kin: who sends it is proved, and then it is counted."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..clients.authentication import ClientAuthenticator
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


async def authenticate(request: Request, parts: ClientRequestParts, parameters: Parameters, *, now: datetime) -> Client:
    """The client, with this request within its limit. What is left is told with whatever becomes of the request.

    A public client proves nothing: if it were counted, whoever names it could spend what its people need. For it, as
    for whoever is refused here, there are the gateway's limits.

    Raises:
        InvalidRequest, InvalidClient: as `ClientAuthenticator.authenticate`.
        TemporarilyUnavailable: it has proved who it is, and nothing is left.
    """
    client = await parts.clients.authenticate(request.headers.getlist("authorization"), parameters, now=now)
    if not client.registration.is_public:
        endpoint = request.scope["path"].removeprefix("/oauth/")
        standing = await parts.client_limits.spend(endpoint, client.client_id)
        outgoing_of(request).fields.update(standing.header_fields)
        if standing.is_exceeded:
            raise TemporarilyUnavailable("This client has sent too many requests.")
    return client
