"""`VerifierThread`: a verifier for services without an event loop, such as Flask and Django under WSGI.

    with VerifierThread(Verifier(issuer="https://id.example.com", audience="https://api.example.com")) as verifier:
        token = verifier.verify(text)

One thread of this process runs the fetches. A thread does not survive a fork, so a server that forks its workers starts
it in each worker: `verify` does that at its first call, if `start` was not called.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from .access_token import AccessToken
from .dpop import Proof
from .policy import WhenStale
from .reports import Report
from .verifier import Verifier

_PATIENCE = 5.0  # seconds for an answer of the thread; it gives up by itself after one


class VerifierThread:
    """The same verifier; `verify` may be called from any number of threads."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._lock = threading.Lock()
        self._process = 0  # in which the thread runs; 0: in none
        self._loop: asyncio.AbstractEventLoop
        self._closing: asyncio.Event
        self._thread: threading.Thread

    def start(self) -> None:
        """Begin to fetch, unless this process already does. It does not wait for the issuer."""
        with self._lock:
            if self._process == os.getpid():
                return
            started = threading.Event()
            self._thread = threading.Thread(target=asyncio.run, args=(self._run(started),), name="atjwt", daemon=True)
            self._thread.start()
            started.wait()
            self._process = os.getpid()

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            if self._process == os.getpid():
                self._loop.call_soon_threadsafe(self._closing.set)
                self._thread.join()
            self._process = 0

    def verify(self, text: str, *, when_stale: WhenStale | None = None) -> AccessToken:
        """As `Verifier.verify_or_wait`: it waits for an unknown key only, for at most a second."""
        return self.verify_with(text, None, when_stale)

    def verify_dpop(
        self, text: str, proof: str, method: str, url: str, *, when_stale: WhenStale | None = None
    ) -> AccessToken:
        """As `Verifier.verify_dpop`; it waits for an unknown key, too."""
        return self.verify_with(text, Proof(proof, method, url), when_stale)

    def verify_with(self, text: str, proof: Proof | None, when_stale: WhenStale | None = None) -> AccessToken:
        """A bound token with its proof, or a bearer token."""
        if self._process != os.getpid():
            self.start()
        return self._verifier.verify_in_thread(text, proof, when_stale, self._wait)

    def _wait(self, learning: Coroutine[None, None, bool]) -> bool:
        return asyncio.run_coroutine_threadsafe(learning, self._loop).result(_PATIENCE)

    @property
    def verifier(self) -> Verifier:
        """The verifier that the thread runs: its names, its policy, and what never waits."""
        return self._verifier

    @property
    def is_ready(self) -> bool:
        return self._verifier.is_ready

    def report(self) -> Report:
        return self._verifier.report()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _run(self, started: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        async with self._verifier:
            started.set()
            await self._closing.wait()
