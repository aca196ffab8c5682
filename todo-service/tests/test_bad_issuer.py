"""An issuer that answers nonsense, or much of it, or never ends: what is in memory goes on, and nothing is believed.

Then a clock that jumps by a year.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from atjwt import Endpoints, Reason, Seams, Verifier, discovery, testing
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import serve_jwks, status, token
from todo_fixtures.service import QUICK, QUICK_POLLING
from todo_fixtures.whole_issuer import METADATA, Issuer, made, reason_of

SOON = timedelta(milliseconds=100)
YEAR = timedelta(days=365)
SEAMS = Seams(
    schedule=replace(QUICK, interval=timedelta(milliseconds=20), total_timeout=SOON),
    polling=replace(QUICK_POLLING, last_retry=timedelta(milliseconds=50), total_timeout=SOON),
)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]


def says(answer: bytes) -> Answer:
    async def write(_: asyncio.StreamReader, writer: asyncio.StreamWriter, media_type: bytes) -> None:
        writer.write(answer.replace(b"MEDIA", media_type))

    return write


async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, media_type: bytes) -> None:
    """The head and one octet, and then nothing until the request is given up."""
    writer.write(HEAD % (media_type, 100, b"") + b"{")
    await reader.read()


async def never_answers(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: bytes) -> None:
    await reader.read()


async def sends_10_mb(_: asyncio.StreamReader, writer: asyncio.StreamWriter, media_type: bytes) -> None:
    writer.write(HEAD % (media_type, 10_000_000, b""))
    for _part in range(100):
        writer.write(b" " * 100_000)
        await writer.drain()


BAD: dict[str, Answer] = {
    "a-redirect": says(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
    "HTML": says(HEAD % (b"text/html", 6, b"") + b"<html>"),
    "HTML-as-what-was-asked-for": says(HEAD % (b"MEDIA", 6, b"") + b"<html>"),
    "an-error": says(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}"),
    "compressed": says(HEAD % (b"MEDIA", 2, b"Content-Encoding: gzip\r\n") + b"{}"),
    "nothing": says(HEAD % (b"MEDIA", 0, b"")),
    "no-HTTP": says(b"\x16\x03\x01"),
    "10-MB": sends_10_mb,
    "stalled": stalls,
    "never-an-answer": never_answers,
}
KEYS, AGGREGATION, LIST = "/.well-known/jwks.json", "/oauth/status-lists", "/oauth/status-lists/1"


class Front:
    """Stands before an issuer, and answers for one of its documents as it is told."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.bad: tuple[str, Answer] | None = None
        self.asked: set[str] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            self.asked.add(path)
            media_type = b"application/statuslist+jwt" if path == LIST else b"application/json"
            if self.bad is not None and self.bad[0] == path:
                await self.bad[1](reader, writer, media_type)
            else:
                answers = {KEYS: self._keys, **self._issuer.endpoint.elsewhere}
                of = next((answers[each] for each in answers if path.startswith(each)), None)
                status_, _, body = (404, {}, b"") if of is None else of(path, None)
                head = HEAD.replace(b"200", str(status_).encode()) % (media_type, len(body), b"")
                writer.write(head + body)
            await writer.drain()
            writer.close()

    def _keys(self, path: str, _: str | None) -> tuple[int, dict[str, str], bytes]:
        self._issuer.endpoint.requests.append({"path": path})
        return self._issuer.endpoint.answer()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serve_jwks() as endpoint:
        yield Issuer(endpoint)


@asynccontextmanager
async def fronted(issuer: Issuer) -> AsyncIterator[tuple[Front, Verifier]]:
    front = Front(issuer)
    server = await asyncio.start_server(front.handle, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield front, made(issuer, reached_at=f"http://{host}:{port}", seams=SEAMS)


def failures(verifier: Verifier) -> int:
    report = verifier.report()
    return report.keys.counts.fetches["failed"] + report.status_lists.counts.fetches["failed"]


@pytest.mark.parametrize("document", [KEYS, AGGREGATION, LIST])
@pytest.mark.parametrize("name", BAD)
@in_a_loop
async def test_what_is_in_memory_goes_on(issuer: Issuer, document: str, name: str) -> None:
    async with fronted(issuer) as (front, verifier), verifier:
        issuer.lists.revoke("1", 7)
        await until(lambda: verifier.is_ready)
        good, revoked, other = (token(status=status(index)) for index in (1, 7, 9))
        assert (reason_of(verifier, good), reason_of(verifier, revoked)) == (None, Reason.REVOKED)
        failed, front.bad = failures(verifier), (document, BAD[name])
        await until(lambda: failures(verifier) > failed + 1)
        assert (reason_of(verifier, good), reason_of(verifier, revoked)) == (None, Reason.REVOKED)
        front.bad = None
        issuer.lists.revoke("1", 9)
        await until(lambda: reason_of(verifier, other) is Reason.REVOKED)
        assert "/elsewhere" not in front.asked


@pytest.mark.parametrize("name", BAD)
@in_a_loop
async def test_metadata_that_are_nonsense_are_said_to_be(
    issuer: Issuer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until they are good, tokens are refused for later, and other places are not asked."""
    monkeypatch.setattr(discovery, "_TOTAL_TIMEOUT", SOON)
    monkeypatch.setattr(discovery, "_FIRST_RETRY", timedelta(milliseconds=20))
    async with fronted(issuer) as (front, verifier):
        front.bad = (METADATA, BAD[name])
        async with verifier:
            await until(lambda: bool(verifier.problem))
            assert verifier.problem.startswith(("the metadata", "the response has status"))
            assert reason_of(verifier, token()) is Reason.KEYS_UNAVAILABLE
            assert front.asked == {METADATA, "/.well-known/openid-configuration"}
            front.bad = None
            await until(lambda: verifier.is_ready)
            assert reason_of(verifier, token()) is None


def test_a_clock_that_jumps_a_year_ahead_and_back_opens_nothing_and_shuts_nothing_for_longer_than_a_fetch() -> None:
    with testing.Issuer() as issuer:
        verifier = issuer.verifier()
        good, revoked = issuer.token(), issuer.token()
        assert reason_of(verifier, good) is None
        issuer.revoke(revoked)
        issuer.down()  # so that nothing is fetched
        issuer.travel(YEAR)
        assert reason_of(verifier, good) is Reason.KEYS_UNAVAILABLE  # later, not: no
        issuer.up()
        assert reason_of(verifier, good) is Reason.EXPIRED
        early = issuer.token()
        assert reason_of(verifier, early) is None
        issuer.down()
        issuer.travel(-YEAR)
        assert reason_of(verifier, early) is Reason.NOT_YET_VALID  # although it was verified a moment ago
        assert reason_of(verifier, good) is Reason.STATUS_STALE
        issuer.up()
        assert (reason_of(verifier, good), reason_of(verifier, revoked)) == (None, Reason.REVOKED)
        issuer.down()
        issuer.travel(timedelta(seconds=301))
        assert reason_of(verifier, issuer.token()) is Reason.STATUS_STALE


def test_setting_the_clock_back_makes_no_key_younger() -> None:
    passed = [0.0, 0.0]  # seconds by the clock, and by the one that nobody sets
    with testing.Issuer() as issuer:
        seams = Seams(clock=lambda: issuer.clock() + passed[0], monotonic=lambda: passed[1])
        verifier = Verifier(issuer.url, issuer.audience, endpoints=Endpoints(f"{issuer.url}/jwks.json"), seams=seams)
        issuer._verifiers.append(verifier)
        issuer.up()
        good = issuer.token(status=None)
        assert reason_of(verifier, good) is None
        passed[:] = [86_401.0, 86_401.0]
        assert reason_of(verifier, good) is Reason.KEYS_UNAVAILABLE
        passed[0] = 0.0
        assert reason_of(verifier, good) is Reason.KEYS_UNAVAILABLE
