"""Hints that a status list has changed: a stream of server-sent events (HTML Living Standard §9.2) from the issuer.

It is read on the inside only and decides nothing: without it a revocation is known with the next poll, with it at
once. So whatever goes wrong with it is waited out.
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
    """Give every hint of the stream to `hint`, until cancelled. Begins again whenever the stream ends."""
    failures = 0
    headers = {"Accept": "text/event-stream"}
    async with outgoing.client(address, connect=_CONNECT_TIMEOUT, total=_QUIET_FOR, headers=headers) as client:
        while True:
            try:
                async for uri, version in _read(client, address):
                    failures = 0
                    hint(uri, version)
            except (httpx2.HTTPError, httpx2.StreamError, OSError, ValueError) as error:
                _log.log(logging.INFO if failures else logging.WARNING, "no hints: %s: %s", type(error).__name__, error)
                failures += 1
            seconds = min(_RETRY.total_seconds() * 2 ** min(failures, 8), _LAST_RETRY.total_seconds())
            await asyncio.sleep(jittered(seconds, 0.5, 1))


async def _read(client: httpx2.AsyncClient, address: str) -> AsyncIterator[tuple[str, int]]:
    async with client.stream("GET", address) as response:
        media_type = response.headers.get("Content-Type", "").partition(";")[0]
        if response.status_code != 200 or media_type != "text/event-stream":
            raise ValueError(f"the answer is a {response.status_code} of {media_type or 'no type'}")
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
    """The list and the version that a line names; None for what is a comment, or nothing that we understand."""
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
