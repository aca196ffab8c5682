"""Make steps cheap that tests repeat thousands of times without testing them."""

import functools
from collections.abc import Iterator
from datetime import timedelta

import argon2
import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from httpx2._config import create_ssl_context
from httpx2._transports import default as default_transport

from auth_service.accounts import passwords
from auth_service.accounts.passwords import Cost
from auth_service.commands import serving
from auth_service.keys import encryption, ring

REAL_ARGON2ID = passwords._argon2id


def cheap_argon2id(cost: Cost) -> argon2.PasswordHasher:
    """Another cost for each cost, so that a hash is outdated when the settings change."""
    return argon2.PasswordHasher(time_cost=cost.passes - 1, memory_cost=cost.memory - 11, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def thrift() -> Iterator[None]:
    """Read certificates and signing keys once, use cheap password hashes, and end servers without a pause.

    Each httpx2 client reads all trusted certificates, which takes 20 ms. Each start decrypts signing keys, which are
    copies of the same ones here. A password's hash takes as long as the certificates; `real_hashing` restores the real
    parameters. A server that ends need not wait for last connections, because tests have none.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(default_transport, "create_ssl_context", functools.cache(create_ssl_context))
        patched.setattr(passwords, "_argon2id", cheap_argon2id)
        patched.setattr(encryption, "load_der_private_key", functools.cache(load_der_private_key))
        patched.setattr(serving, "LAST_ARRIVALS", 0)
        yield


@pytest.fixture
def quick_reload(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Make all services of this process look for changed keys this often, until the test ends."""
    monkeypatch.setattr(ring, "RELOAD_PERIOD", timedelta(milliseconds=200))
    return ring.RELOAD_PERIOD


@pytest.fixture
def real_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the real parameters, for tests of hashing and of the delay that it causes."""
    monkeypatch.setattr(passwords, "_argon2id", REAL_ARGON2ID)
