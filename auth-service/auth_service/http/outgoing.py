"""Cookies and header fields that go out with the response to a request, whatever the response is.

A session is prolonged, or a request counted, before it is known whether the request ends in an answer, a refusal or a
failure. The code that does so notes the cookie or field here. The middleware `SendOutgoing` adds it to the response. So
an endpoint never passes cookies on, and none of its branches can lose them.
"""

from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Keys in the ASGI scope, which all layers of a request share.
_KEY = "auth_service.outgoing"
_STARTED = "auth_service.has_started"


@dataclass
class Outgoing:
    """Cookies and header fields, each by its name. A later value replaces an earlier one."""

    cookies: dict[str, str] = field(default_factory=dict)  # each with its attributes
    fields: dict[str, str] = field(default_factory=dict)
    session_credential: str | None = None  # for clients without cookies; only Better Auth has a header for it


def outgoing_of(request: HTTPConnection) -> Outgoing:
    """The request's `Outgoing`, to add cookies and fields to. The first call creates it."""
    found = find_outgoing(request.scope)
    if found is None:
        found = request.scope[_KEY] = Outgoing()
    return found


def find_outgoing(scope: Scope) -> Outgoing | None:
    """The request's `Outgoing`. None if nothing was noted."""
    found: Outgoing | None = scope.get(_KEY)
    return found


def has_started(scope: Scope) -> bool:
    """Whether the response has started, so that no other one can be sent."""
    return _STARTED in scope


class SendOutgoing:
    """Middleware around everything that may answer a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_outgoing(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope[_STARTED] = True
                if (outgoing := find_outgoing(scope)) is not None:
                    _add(outgoing, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_with_outgoing)


def _add(outgoing: Outgoing, headers: MutableHeaders) -> None:
    headers.update(outgoing.fields)
    for cookie in outgoing.cookies.values():
        headers.append("Set-Cookie", cookie)
