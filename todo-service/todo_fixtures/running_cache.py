"""A running `JwksCache` whose clocks stand still until a test moves them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from atjwt.jwks import JwksCache, Schedule
from atjwt.refusals import KeysUnavailable
from todo_fixtures.event_loop import until
from todo_fixtures.issuer import JwksEndpoint
from todo_fixtures.service import QUICK

NEVER = timedelta(days=1)
# After the first fetch none is scheduled, so a test knows the cause of each further one.
ONCE = replace(QUICK, interval=NEVER)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Running:
    """A running cache, and its two clocks."""

    def __init__(self, endpoint: JwksEndpoint, schedule: Schedule, saved_copy: Path | None) -> None:
        self.clock, self.monotonic = Clock(), Clock()
        self.uri = f"{endpoint.url}/.well-known/jwks.json"
        self.cache = JwksCache(
            self.uri, saved_copy=saved_copy, schedule=schedule, clock=self.clock, monotonic=self.monotonic
        )

    def kids(self) -> list[str]:
        return list(self.cache.get_key_set().keys)

    async def until_kids(self, *kids: str) -> None:
        await until(lambda: self.has() and self.kids() == list(kids))

    def has(self) -> bool:
        try:
            self.cache.get_key_set()
        except KeysUnavailable:
            return False
        return True


@asynccontextmanager
async def running(
    endpoint: JwksEndpoint, schedule: Schedule = ONCE, saved_copy: Path | None = None
) -> AsyncIterator[Running]:
    made = Running(endpoint, schedule, saved_copy)
    async with made.cache.running():
        yield made
