"""Run async tests, each on its own event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any


def in_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(asyncio.wait_for(test(**fixtures), 120))

    return run


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition becomes true in another thread
            await asyncio.sleep(0.002)
