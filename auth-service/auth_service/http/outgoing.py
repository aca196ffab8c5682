"""What goes out with the response to a request, whatever response that will be.

A session is prolonged, or a request counted, before anybody knows how the request ends: with an answer, a refusal or a
failure. Whoever does such a thing notes here what the caller must be told, and the middleware `SendOutgoing` adds it to
the response. So no endpoint hands cookies on, and no branch of one can lose them.
"""

from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY = "auth_service.outgoing"  # in the ASGI scope, which is the one thing that all layers of a request share


@dataclass
class Outgoing:
    """Cookies by their name and header fields by theirs: what is noted last replaces what was noted before."""

    cookies: dict[str, str] = field(default_factory=dict)  # each with its attributes
    fields: dict[str, str] = field(default_factory=dict)
    session_credential: str | None = None  # for clients without cookies; only the Better Auth protocol has a header


def outgoing_of(request: HTTPConnection) -> Outgoing:
    """What goes out with the response to this request, to be added to."""
    found = find_outgoing(request.scope)
    if found is None:
        found = request.scope[_KEY] = Outgoing()
    return found


def find_outgoing(scope: Scope) -> Outgoing | None:
    """None: nothing was noted."""
    found: Outgoing | None = scope.get(_KEY)
    return found


class SendOutgoing:
    """Outside of everything that may answer a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_outgoing(message: Message) -> None:
            if message["type"] == "http.response.start" and _KEY in scope:
                outgoing: Outgoing = scope[_KEY]
                headers = MutableHeaders(scope=message)
                headers.update(outgoing.fields)
                for cookie in outgoing.cookies.values():
                    headers.append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, send_with_outgoing)
