"""/api/v1/events: a stream of server-sent events (HTML Standard §9.2) that says when there are changes.

An event names no change: its client asks /api/v1/changes, whose every request is authorized anew. So the stream of a
token that was just revoked tells nothing but that something has changed. `id` is the owner's position; a client that
comes back with it in Last-Event-ID gets an event at once only if something has changed since.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ..http.authentication import Reader
from ..http.parts import Given, given
from ..http.problems import RATE_LIMIT_EXCEEDED, Problem
from .streams import Stream, Streams, TooManyStreams

RETRY_AFTER = "5"  # seconds
_BEGIN = b"retry: 3000\n\n"  # milliseconds; clients should vary it, so that not all come back at once
_HEARTBEAT = b":\n\n"
_EVENT = "id: %s\nevent: changes\ndata: {}\n\n"


@dataclass(frozen=True)
class EventsParts(Given):
    streams: Streams


async def events(token: Reader, request: Request) -> Response:
    """Stream an event whenever todos or lists have changed; then ask `/api/v1/changes` what has.

    The first event comes at once, unless `Last-Event-ID` is still right. The stream ends with its token. At most eight
    are open at once for one person or service in each process.
    """
    streams = given(request, EventsParts).streams
    try:
        stream = await streams.open(token)
    except TooManyStreams as error:
        whose = "of yours" if error.of_one else "of all callers"
        detail = f"There are {error.most:,} open streams {whose} already. Close one, or ask /api/v1/changes."
        raise Problem(RATE_LIMIT_EXCEEDED, detail, headers={"Retry-After": RETRY_AFTER}) from None
    return EventStream(streams, stream, request.headers.get("Last-Event-ID", ""))


class Event(BaseModel):
    """One event of the stream, without its content: what has changed is asked at `/changes`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "changes", "id": "17", "data": "{}"}]})

    event: Literal["changes"]
    id: str = Field(description="for `Last-Event-ID`")
    data: Literal["{}"]


class EventStream(Response):
    """Sends the events of a stream, and closes the stream when it ends or its client leaves."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, stream: Stream, last_id: str) -> None:
        # nginx and others that know this field pass each event on at once.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self._streams, self._stream, self._last_id = streams, stream, last_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._end_when_the_client_leaves(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send(_part(_BEGIN))
            await self._tell(send)
            while not await self._stream.wait():
                await (self._tell(send) if self._stream.has_changed else send(_part(_HEARTBEAT)))
            await send({"type": "http.response.body", "body": b""})
        finally:
            leaving.cancel()
            self._streams.close(self._stream)

    async def _tell(self, send: Send) -> None:
        try:
            position = await self._streams.renew(self._stream)
        except (SQLAlchemyError, OSError):  # the client comes back, and learns from the status what is wrong
            self._stream.wake(over=True)
            return
        if position != self._last_id:
            self._last_id = position
            await send(_part((_EVENT % position).encode()))

    async def _end_when_the_client_leaves(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stream.wake(over=True)


def _part(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}
