"""Hints that a status list has changed: a stream of server-sent events (HTML Living Standard §9.2) from the issuer.

With a hint the changed list is fetched at once; without it, with the next poll. A hint decides nothing else, so after
any error this module waits and connects again. The stream is only available inside the network.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx2

from . import outgoing
from .jitter import jittered

_MAX_LINE = 4096
_QUIET_FOR = timedelta(seconds=30)  # the issuer sends a comment every ten seconds
_CONNECT_TIMEOUT = timedelta(seconds=1)
_RETRY = timedelta(seconds=1)
_LAST_RETRY = timedelta(seconds=30)
_log = logging.getLogger(__name__)

Hint = Callable[[str, int], None]


async def follow(address: str, hint: Hint) -> None:
    """Call `hint` with every hint of the stream, until cancelled. If the stream ends, connect again."""
    failures = 0
    headers = {"Accept": "text/event-stream"}
    async with outgoing.client(address, connect=_CONNECT_TIMEOUT, total=_QUIET_FOR, headers=headers) as client:
        while True:
            try:
                async for uri, version in _read(client, address):
                    failures = 0
                    hint(uri, version)
            except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
                _log.log(
                    logging.INFO if failures else logging.WARNING,
                    "no hints from the issuer: %s: %s",
                    type(error).__name__,
                    error,
                )
                failures += 1
            seconds = min(_RETRY.total_seconds() * 2 ** min(failures, 8), _LAST_RETRY.total_seconds())
            await asyncio.sleep(jittered(seconds, 0.5, 1))


async def _read(client: httpx2.AsyncClient, address: str) -> AsyncIterator[tuple[str, int]]:
    async with client.stream("GET", address) as response:
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code != 200 or media_type != "text/event-stream":
            raise ValueError(f"the response has status {response.status_code} and type {media_type or 'none'}")
        rest = b""
        async for chunk in response.aiter_raw():
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > _MAX_LINE:
                raise ValueError("a line is too long")
            for line in lines:
                hint = _parse(line)
                if hint is not None:
                    yield hint


def _parse(line: bytes) -> tuple[str, int] | None:
    """The URI and version that a line names; None for comments and all other lines."""
    if not line.startswith(b"data:") or len(line) > _MAX_LINE:
        return None
    try:
        members = json.loads(line[5:])
    except (ValueError, RecursionError):
        return None
    match members:
        case {"uri": str(uri), "version": int(version)} if version >= 0:
            return uri, version
        case _:
            return None
