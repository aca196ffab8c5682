"""Header fields that go out with the response to a request, whatever the response is.

A request is counted before it is known whether it ends in an answer, a refusal or a failure. The code that counts notes
the fields here, and the middleware `SendOutgoing` adds them to the response.
"""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY = "todo_service.outgoing"  # key in the ASGI scope, which all layers of a request share


def send_with_response(request: HTTPConnection, fields: Mapping[str, str]) -> None:
    """Note the fields for the response. They replace those that were noted before."""
    request.scope[_KEY] = fields


class SendOutgoing:
    """Middleware around everything that may answer a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_outgoing(message: Message) -> None:
            if message["type"] == "http.response.start" and _KEY in scope:
                fields: Mapping[str, str] = scope[_KEY]
                MutableHeaders(scope=message).update(fields)
            await send(message)

        await self._app(scope, receive, send_with_outgoing)
