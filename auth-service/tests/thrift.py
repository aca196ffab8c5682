"""What tests do thousands of times costs next to nothing, where it is not what they test."""

import functools
from collections.abc import Iterator
from datetime import timedelta

import argon2
import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from httpx2._config import create_ssl_context
from httpx2._transports import default as default_transport

from auth_service.accounts import passwords
from auth_service.commands import serving
from auth_service.keys import encryption, ring

REAL_ARGON2ID = passwords._ARGON2ID
CHEAP_ARGON2ID = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def thrift() -> Iterator[None]:
    """A client of httpx2 reads all certificates that it believes, which takes 20 ms; once is enough.

    So it is for the signing keys that each start opens, which are copies of the same ones. A password's hash takes as
    long; `real_hashing` brings its parameters back. A server that ends has nobody here whose first octets it may miss.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(default_transport, "create_ssl_context", functools.cache(create_ssl_context))
        patched.setattr(passwords, "_ARGON2ID", CHEAP_ARGON2ID)
        patched.setattr(passwords, "_NOBODYS", passwords._random_hash())
        patched.setattr(encryption, "load_der_private_key", functools.cache(load_der_private_key))
        patched.setattr(serving, "LAST_ARRIVALS", 0)
        yield


@pytest.fixture
def quick_reload(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """How often services of this test look for other keys; the others do so, too, until it ends."""
    monkeypatch.setattr(ring, "RELOAD_PERIOD", timedelta(milliseconds=200))
    return ring.RELOAD_PERIOD


@pytest.fixture
def real_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what hashing is and of what its time makes others wait for."""
    monkeypatch.setattr(passwords, "_ARGON2ID", REAL_ARGON2ID)
