"""What a request costs its subject: units of the rate limit, and turns for what takes long."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import Request

from ..limits.subjects import RateLimit
from ..limits.turns import Busy, Full, Places, Turns
from . import outgoing
from .parts import Given, given
from .problems import RATE_LIMIT_EXCEEDED, Problem

RETRY_AFTER = "2"  # seconds; a turn lasts shorter, and the rest after it is at most five seconds


@dataclass(frozen=True)
class CostParts(Given):
    rate_limit: RateLimit | None


async def spend(request: Request, subject: str, cost: int = 1) -> None:
    """Count a request, or what it costs beyond that. A person and a service never have the same `sub`.

    The RateLimit fields go out with the response, whatever it is. Raises Problem if the quota was already spent.
    """
    limit = given(request, CostParts).rate_limit
    if limit is None or cost < 1:
        return
    standing = await limit.spend(subject, cost)
    outgoing.send_with_response(request, standing.header_fields())
    if standing.is_exceeded:
        seconds = standing.seconds_left
        detail = f"The quota of requests is spent; costly ones count as several. Try again in {seconds} s."
        raise Problem(RATE_LIMIT_EXCEEDED, detail, headers={"Retry-After": str(seconds)})


@asynccontextmanager
async def turn(turns: Turns, subject: str, what: str) -> AsyncIterator[None]:
    """Wait for the subject's turn. `what` names the requests in the plural. Raises Problem if there are too many."""
    try:
        async with turns.turn(subject):
            yield
    except Busy:
        detail = f"Too many {what} of yours are in progress or waiting. Send them one after the other."
        raise Problem(RATE_LIMIT_EXCEEDED, detail, headers={"Retry-After": RETRY_AFTER}) from None


@asynccontextmanager
async def place(places: Places, what: str, *, begins: bool) -> AsyncIterator[None]:
    """Wait for a place of everybody's, for one piece of work. `what` names the requests in the plural.

    Raises Problem if a request that begins gets none in time. One that has begun waits on.
    """
    try:
        async with places.place(may_fail=begins):
            yield
    except Full:
        detail = f"The service is busy with as many {what} as it serves at once. Try again in {RETRY_AFTER} s."
        raise Problem(RATE_LIMIT_EXCEEDED, detail, headers={"Retry-After": RETRY_AFTER}) from None


class Breath:
    """Pauses between the pieces of a long request, each as long as the piece before it."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def take(self) -> None:
        await asyncio.sleep(min(time.monotonic() - self._since, 1))
        self._since = time.monotonic()
