"""Addresses that no endpoint serves, whatever its route says. One route, before all others, refuses them.

The pattern of a route ends in `$`, which also matches before a line break at the end: without this route, `/livez%0a`
would be `/livez`. And a query of thousands of parameters costs work before any endpoint can count them.
"""

from fastapi import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ..mail.languages.sentences import Sentence

MAX_PARAMETERS = 100  # in a query


class UnservedAddresses(BaseRoute):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_one = scope["type"] == "http" and (_is_unknown(scope) or is_overfull(scope))
        return (Match.FULL if is_one else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises HTTPException: 404, as for any unknown path, or 400."""
        if _is_unknown(scope):
            raise HTTPException(404)
        raise HTTPException(400, Sentence("The query has more than {number} parameters.", number=MAX_PARAMETERS))


def _is_unknown(scope: Scope) -> bool:
    path: str = scope["path"]
    return path.endswith("\n")


def is_overfull(scope: Scope) -> bool:
    query: bytes = scope["query_string"]
    return query.count(b"&") >= MAX_PARAMETERS
