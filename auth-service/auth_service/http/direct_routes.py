"""Routes for the hottest paths. FastAPI documents them, and `DirectRoutes` answers them before FastAPI is asked.

Comparing the path with one route after the other, solving dependencies, validating and serializing would take longer
than the one indexed read of such an endpoint. The endpoint takes the request and returns the response. Its exceptions
are rendered like those of any other endpoint.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from .unserved_addresses import is_overfull

_TRACED = "fastapi.telemetry"  # key in the ASGI scope of a request that is traced


class DirectRoute(APIRoute):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


class DirectRoutes:
    """The innermost middleware. It finds a direct route by its method and path, which has no parameters.

    FastAPI gets every other request, also those that it traces: its router names their spans.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        direct = [route for route in routes if isinstance(route, DirectRoute) and not route.param_convertors]
        self._routes = {(method, route.path): route for route in direct for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None or is_overfull(scope) or _TRACED in scope:
            await self._app(scope, receive, send)
            return
        scope["route"] = route
        request, handlers = Request(scope, receive, send), scope["app"].exception_handlers
        try:
            response = await route.endpoint(request)
        except tuple(handlers) as error:
            kind = next(each for each in type(error).__mro__ if each in handlers)
            response = await handlers[kind](request, error)
        await response(scope, receive, send)
