"""Routes for the hottest paths. FastAPI documents and matches them, but does nothing else for them.

Solving dependencies, validating and serializing would take longer than the one indexed read of such an endpoint. The
endpoint takes the request and returns the response. Its exceptions are rendered like those of any other endpoint.
"""

from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class DirectRoute(APIRoute):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
