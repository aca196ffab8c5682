"""GET /oauth/status-lists: which status lists there are, and each of them (draft-ietf-oauth-status-list §8, §9).

`/internal/status-list-hints` sends a hint as soon as a list changes. It is for our own services, so the gateway does
not route it. Hints say nothing that the lists do not say, so they need no authentication.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import StreamingResponse

from ..http.cached_documents import NOT_MODIFIED, known_etags, render_document
from ..http.parts import Given, given
from ..http.public_preflight import add_preflight
from ..oauth.status_list import MEDIA_TYPE
from ..status_lists.epochs import parse_name
from ..status_lists.published import PATH, Hint, PublishedStatusLists
from ..store.instants import Clock

# One second, and never a stale answer: a verifier must not take an old list for the current one.
CACHE_CONTROL = "public, max-age=1, s-maxage=1"
HEARTBEAT = 10  # seconds

LIST = PATH + "/{list_id}"
router = APIRouter()
add_preflight(router, PATH, LIST)


@dataclass(frozen=True)
class StatusListParts(Given):
    clock: Clock
    status_lists: PublishedStatusLists


@router.get(PATH, responses=NOT_MODIFIED, response_model=dict[str, list[str]])
async def aggregation(request: Request) -> Response:
    """Status List Aggregation (§9.3): every list that a token may name."""
    return render_document(
        request, {"status_lists": given(request, StatusListParts).status_lists.uris}, cache_control=CACHE_CONTROL
    )


@router.get(
    LIST,
    responses={200: {"content": {MEDIA_TYPE: {}}}, 404: {"description": "Not Found"}, **NOT_MODIFIED},
    response_class=Response,
)
async def status_list(request: Request) -> Response:
    """A Status List Token (§8.2). If `v` is newer than our version, the database is read at once for a newer list."""
    parts = given(request, StatusListParts)
    lists, name = parts.status_lists, parse_name(request.path_params["list_id"])
    found = lists.find(name)
    if found is not None and _number(request.query_params.get("v", "")) > found.version:
        await lists.look(now=parts.clock())
        found = lists.find(name)
    if found is None:
        raise HTTPException(404, headers={"Access-Control-Allow-Origin": "*"})
    headers = {"Cache-Control": CACHE_CONTROL, "ETag": found.etag, "Access-Control-Allow-Origin": "*"}
    if known_etags(request) & {found.etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(found.token, headers=headers, media_type=MEDIA_TYPE)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


@router.get("/internal/status-list-hints", include_in_schema=False)
async def hints(request: Request) -> Response:
    """Server-sent events: `{"uri", "version"}` of each list that changes. After 10 seconds without, a comment."""
    stream = _stream(given(request, StatusListParts).status_lists)
    return StreamingResponse(stream, headers={"Cache-Control": "no-store"}, media_type="text/event-stream")


async def _stream(lists: PublishedStatusLists) -> AsyncIterator[bytes]:
    with lists.listening() as queue:
        yield b": listening\n\n"
        while True:
            try:
                hint = await asyncio.wait_for(queue.get(), HEARTBEAT)
            except TimeoutError:
                yield b": nothing\n\n"
                continue
            if hint is None:
                return
            yield _event(hint)


def _event(hint: Hint) -> bytes:
    return b"data: " + json.dumps({"uri": hint.uri, "version": hint.version}).encode() + b"\n\n"
