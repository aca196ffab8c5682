"""Reports to the issuer: which keys and status lists this process holds.

    keys, status lists ──> one background task ──> POST auth-service /internal/verifiers

The issuer rotates its keys only when all verifiers hold the next key. A report is sent at once when keys or lists are
added or removed, within five seconds when only a list's version has changed, and otherwise every 30 s. The last report
is empty: the issuer then no longer waits for this process. No request waits for a report or fails without it.
"""

import asyncio
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import httpx2
import structlog

PATH = "/internal/verifiers"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HeldList:
    """A status list: its URI, its version (how often it has changed), and when it was signed."""

    uri: str
    version: int
    iat: int

    def __str__(self) -> str:
        return f"{self.uri}|{self.version}|{self.iat}"


@dataclass(frozen=True, slots=True)
class Held:
    """The keys and status lists that a process verifies with."""

    kids: tuple[str, ...]
    status_lists: tuple[HeldList, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.kids, *(each.uri for each in self.status_lists))

    @property
    def versions(self) -> tuple[int, ...]:
        return tuple(each.version for each in self.status_lists)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look for changes, to report, and to retry. Tests set shorter times."""

    look: timedelta = timedelta(seconds=1)
    interval: timedelta = timedelta(seconds=30)
    versions: timedelta = timedelta(seconds=5)
    retry: timedelta = timedelta(seconds=5)
    timeout: timedelta = timedelta(seconds=3)


class VerifierReports:
    def __init__(
        self, auth_url: str, client_id: str, client_secret: str, held: Callable[[], Held], pace: Pace | None = None
    ) -> None:
        self._url = auth_url + PATH
        self._credentials = (client_id, quote(client_secret, safe=""))  # RFC 6749 §2.3.1: form-encoded, then Basic
        self._held = held
        self._pace = pace or Pace()
        host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:48]
        self.instance = f"{host}-{secrets.token_hex(4)}"

    async def report_forever(self) -> None:
        """Send reports until cancelled; then send an empty one, so that the issuer no longer waits for this process."""
        timeout = self._pace.timeout
        async with _client(self._url, timeout) as client:
            try:
                await self._report_forever(client)
            finally:
                with suppress(httpx2.HTTPError, OSError):
                    await self._send(client, Held(()))

    async def _report_forever(self, client: httpx2.AsyncClient) -> None:
        reported = Held(())
        sent_at, failure = float("-inf"), ""
        while True:
            held = self._held()
            if held.kids and time.monotonic() - sent_at >= self._pause(held, reported, failure).total_seconds():
                failing, failure = failure, await self._try_to_send(client, held)
                if failure and failure != failing:
                    _log.warning("the issuer does not accept reports", reason=failure)
                reported, sent_at = held, time.monotonic()
            await asyncio.sleep(self._pace.look.total_seconds())

    def _pause(self, held: Held, reported: Held, failure: str) -> timedelta:
        """The time from one report to the next. A list that is only signed anew is not a change."""
        if held.names != reported.names:
            return timedelta(0)
        if failure:
            return self._pace.retry
        return self._pace.versions if held.versions != reported.versions else self._pace.interval

    async def _try_to_send(self, client: httpx2.AsyncClient, held: Held) -> str:
        """Send a report. Returns the error's text, or an empty text after success."""
        try:
            status = await self._send(client, held)
        except (httpx2.HTTPError, OSError) as error:
            return type(error).__name__
        return "" if status == 204 else f"status {status}"

    async def _send(self, client: httpx2.AsyncClient, held: Held) -> int:
        status_lists = " ".join(map(str, held.status_lists))
        form = {"instance": self.instance, "kids": " ".join(held.kids), "status_lists": status_lists}
        return (await client.post(self._url, data=form, auth=self._credentials)).status_code


def _client(url: str, timeout: timedelta) -> httpx2.AsyncClient:
    """No redirects and no proxy from the environment: the credentials go to the configured address only."""
    # An http URL needs no authorities, which would take three megabytes.
    tls = (
        httpx2.create_ssl_context(trust_env=False)
        if url.startswith("https:")
        else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    )
    return httpx2.AsyncClient(timeout=timeout.total_seconds(), follow_redirects=False, trust_env=False, verify=tls)
