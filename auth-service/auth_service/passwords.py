"""Passwords: what is acceptable, and Argon2id in a small executor of its own.

A hash takes some 30 ms of one core and 19 MiB. It runs beside the event loop, in threads whose number and queue are
bounded: a storm of sign-ins fills the queue and is told to come back, and nothing else slows down.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from typing import TypeVar
from unicodedata import normalize

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError

MIN_LENGTH = 8
MAX_LENGTH = 128  # both in UTF-16 units before normalization, as the Better Auth protocol counts
RETRY_AFTER = timedelta(seconds=1)

# OWASP's floor for Argon2id; a hash made with other parameters is made anew at the next sign-in.
_ARGON2ID = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_NICENESS = 10

T = TypeVar("T")


class TooBusy(Exception):
    """The queue is full; the caller may come back after RETRY_AFTER."""


def utf16_length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


class PasswordHasher:
    def __init__(self, *, threads: int, queue_limit: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_yield_to_the_event_loop)
        self._limit = threads + queue_limit
        self._taken = 0
        self._lock = threading.Lock()
        # What an unknown account's password is compared with, so that it takes the path and time of a known one.
        self._nobody = _ARGON2ID.hash(os.urandom(16))

    async def hash(self, password: str) -> str:
        """An Argon2id hash in PHC form. Raises TooBusy."""
        return await self._run(_ARGON2ID.hash, _octets(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password made the hash; None is nobody's: False, after the same work. Raises TooBusy."""
        matches = await self._run(_matches, password_hash or self._nobody, _octets(password))
        return matches and password_hash is not None

    async def is_common(self, password: str) -> bool:
        """Whether it is among the passwords that everybody tries first."""
        return await self._run(_is_common, password)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        with self._lock:
            if self._taken >= self._limit:
                raise TooBusy
            self._taken += 1
        job = self._executor.submit(function, *arguments)
        job.add_done_callback(self._release)  # by the job, not the caller: one who hangs up leaves the thread at work
        return await asyncio.wrap_future(job)

    def _release(self, job: object) -> None:
        with self._lock:
            self._taken -= 1


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _ARGON2ID.check_needs_rehash(password_hash)


def _octets(password: str) -> bytes:
    return normalize("NFKC", password).encode()


def _matches(password_hash: str, password: bytes) -> bool:
    try:
        return _ARGON2ID.verify(password_hash, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _is_common(password: str) -> bool:
    return password.lower() in _common_passwords() or normalize("NFKC", password).lower() in _common_passwords()


@cache
def _common_passwords() -> frozenset[str]:
    """zxcvbn's list, as far as it passes the length rule. Imported at first use: it takes 12 MB to load."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH)


def _yield_to_the_event_loop() -> None:
    """Lower this thread's priority where the system knows such a thing: requests that do not hash come first."""
    if sys.platform == "linux":  # elsewhere the call would slow the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
