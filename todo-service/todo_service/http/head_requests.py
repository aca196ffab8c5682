"""HEAD wherever GET is (RFC 9110 §9.3.2): the same status and header fields, without the content."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadLikeGet:
    """Middleware around the routes, which only know GET. All other middleware sees HEAD.

    The response ends with its head. The server then reports a disconnect, which stops a response that is a stream.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"  # the server shares the scope: for a GET it would wait for the content
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        scope["method"] = "GET"  # in place: a copy would hide what inner code stores in the scope
        try:
            await self._app(scope, receive, send_head)
        finally:
            scope["method"] = "HEAD"


def with_head(methods: set[str]) -> str:
    """The value of `Allow` for a resource with these methods."""
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
