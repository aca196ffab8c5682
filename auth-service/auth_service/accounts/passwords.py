"""Passwords: length limits, the list of common ones, and Argon2id in a small thread pool of its own.

A hash takes about 30 ms of one core and 19 MiB, unless the settings say otherwise. It runs outside the event loop, with
a bounded number of threads and a bounded queue. A flood of sign-ins fills the queue, and the surplus gets 429; other
requests do not slow down.
"""

import asyncio
import os
import threading
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from . import foreign_hashes

MIN_LENGTH = 8
MAX_LENGTH = 128  # both in UTF-16 code units before normalization, as in the Better Auth protocol
RETRY_AFTER = timedelta(seconds=1)
UNLIMITED_QUEUE = 100_000

T = TypeVar("T")


class TooBusy(Exception):
    """The queue is full; the caller may retry after RETRY_AFTER."""


@dataclass(frozen=True)
class Cost:
    """What an Argon2id hash costs."""

    memory: int  # MiB
    passes: int


OWASP_MINIMUM = Cost(memory=19, passes=2)


@cache
def _argon2id(cost: Cost) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory * 1024, parallelism=1)


def utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


class PasswordHasher:
    def __init__(self, *, threads: int, queue_limit: int, cost: Cost = OWASP_MINIMUM) -> None:
        """One network may take at most a quarter of the queue, but at least one place.

        In IPv6 that is a /64; its /56 may take three eighths, and its /48 half of the queue.
        """
        # The threads keep the event loop's priority. With a lower one they can be preempted while holding the GIL,
        # and the loop waits for them (measured: the key set's p99 went from 15 to 124 ms).
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._limit = threads + queue_limit
        self._cost = cost
        self._network_limits = tuple(max(1, queue_limit * eighths // 8) for eighths in (2, 3, 4))
        self._total = 0
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def place(self, *networks: str) -> Iterator["Place"]:
        """A place in the queue for a caller in these networks, of which the first is the narrowest.

        Take it first, so that a full queue refuses at no cost.

        Raises:
            TooBusy: at once, without waiting.
        """
        self._take(networks)
        place = Place(self._executor, self._cost)
        try:
            yield place
        finally:
            # The place is freed when the last job ends, not when the caller leaves: its thread may still be working.
            place.job.add_done_callback(lambda _: self._release(networks))

    @property
    def taken(self) -> int:
        """The number of places taken: waiting and running."""
        return self._total

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _take(self, networks: tuple[str, ...]) -> None:
        limits = zip(networks, self._network_limits, strict=False)
        with self._lock:
            if self._total >= self._limit or any(self._taken[network] >= limit for network, limit in limits):
                raise TooBusy
            self._total += 1
            self._taken.update(networks)

    def _release(self, networks: tuple[str, ...]) -> None:
        with self._lock:
            self._total -= 1
            self._taken.subtract(networks)
            for network in networks:
                if not self._taken[network]:
                    del self._taken[network]


class Place:
    """One caller's access to the hashing threads, one job at a time."""

    def __init__(self, executor: ThreadPoolExecutor, cost: Cost) -> None:
        self._executor = executor
        self._cost = cost
        self.job: Future[Any] = Future()  # the running job, or the last one
        self.job.set_result(None)

    async def hash(self, password: str) -> str:
        """An Argon2id hash in PHC form."""
        return await self._run(_argon2id(self._cost).hash, _octets(password))

    async def matches(self, password_hash: str | None, password: str, *, stand_in: str | None = None) -> bool:
        """Whether the hash is the password's. For None the result is False, after the work that `stand_in` takes.

        Without a stand-in that work is the work of a hash that is made today.
        """
        compared = password_hash or stand_in or _nobodys_hash(self._cost)
        return await self._run(_matches, compared, password) and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether a hash that matched was imported, or costs something else than the settings say."""
        is_imported = password_hash.startswith(foreign_hashes.PREFIX)
        return is_imported or _argon2id(self._cost).check_needs_rehash(password_hash)

    async def is_common(self, password: str) -> bool:
        """Whether the password is in the list of common ones. weak_passwords.py asks."""
        return await self._run(_is_common, password)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        job = self.job = self._executor.submit(function, *arguments)
        return await asyncio.wrap_future(job)


def _nobodys_hash(cost: Cost) -> str:
    """A random hash that no known password matches, made without running Argon2id, which would take its memory."""
    salt, tag = (b64encode(os.urandom(length)).rstrip(b"=").decode() for length in (16, 32))
    argon2id = _argon2id(cost)
    parameters = f"m={argon2id.memory_cost},t={argon2id.time_cost},p={argon2id.parallelism}"
    return f"$argon2id$v=19${parameters}${salt}${tag}"


def _octets(password: str) -> bytes:
    return _normalized(password).encode()


def _normalized(password: str) -> str:
    """The password in NFKC. Normalizing n combining marks takes n² steps, so a longer one never gets here."""
    if utf16_length(password) > MAX_LENGTH:
        raise ValueError("the length of a password is checked before it is compared")
    return unicodedata.normalize("NFKC", password)


def _matches(password_hash: str, password: str) -> bool:
    octets = _octets(password)
    if password_hash.startswith(foreign_hashes.PREFIX):
        return foreign_hashes.matches(password_hash, password)
    try:
        return argon2.PasswordHasher().verify(password_hash, octets)  # by the parameters that the hash has
    except (VerifyMismatchError, InvalidHashError):
        return False


def _is_common(password: str) -> bool:
    return password.lower() in _common_passwords() or _normalized(password).lower() in _common_passwords()


@cache
def _common_passwords() -> frozenset[str]:
    """zxcvbn's list, without passwords below MIN_LENGTH. It is imported at first use, because it takes 12 MB."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH)
