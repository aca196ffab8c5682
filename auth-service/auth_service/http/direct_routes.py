"""Routes for the hottest paths: FastAPI documents them and finds them, and does nothing else for them.

Solving dependencies, validating and serializing take longer than the one indexed read that such a path is for. Its
endpoint takes the request and gives the response; what it raises is rendered like everything else that is raised.
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
