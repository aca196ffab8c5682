"""Keys are made at the first start, stored encrypted, and not lost by a wrong secret (ROTATION.md; RFC 7638)."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key

from auth_service.keys.encryption import UnreadableKey
from auth_service.keys.ring import HeldKeys, open_ring
from auth_service.keys.signing import KeyStore
from auth_service.oauth.jwk import thumbprint
from auth_service.store.database import open_database

from .conftest import Service, Start, Store

TTL = timedelta(minutes=5)
SECRETS = {2: "b" * 20 + "0123456789abcdef", 1: "a" * 20 + "0123456789abcdef"}


def test_the_thumbprint_of_rfc_7638() -> None:
    """RFC 7638 §3.1, its own example."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknj"
        "hMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQ"
        "vRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
        "nqDKgw"
    )
    assert thumbprint({"kty": "RSA", "n": n, "e": "AQAB"}) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_restart_signs_with_the_same_key(start: Start, database_url: str) -> None:
    first = start(database_url).client().get("/jwks").json()
    assert start(database_url).client().get("/jwks").json() == first


def load(url: str, secrets: dict[int, str]) -> HeldKeys:
    async def run() -> HeldKeys:
        database = open_database(url)
        try:
            store = KeyStore(database, secrets, longest_token_ttl=TTL)
            return (await open_ring(store, now=datetime.now(UTC))).current
        finally:
            await database.close()

    return asyncio.run(run())


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """The URL of a migrated database without keys."""
    service = Store(database_url)
    service.execute("DELETE FROM signing_keys")
    return database_url


def test_private_keys_are_sealed_at_rest(empty_url: str) -> None:
    load(empty_url, SECRETS)
    service = Store(empty_url)
    stored = service.rows(
        "SELECT encrypted_private_key, encryption_key_version, state FROM signing_keys ORDER BY state"
    )
    assert [(version, state) for _, version, state in stored] == [(2, "active"), (2, "next")]
    for sealed, _, _ in stored:
        for offset in (0, 12):
            with pytest.raises(ValueError, match=r"."):
                load_der_private_key(bytes(sealed)[offset:], password=None)


def test_eight_first_starts_at_once_agree_on_one_key(empty_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        kids = {keys.active.kid for keys in pool.map(lambda _: load(empty_url, SECRETS), range(8))}
    assert len(kids) == 1


def test_an_older_secret_still_opens_its_keys(empty_url: str) -> None:
    kid = load(empty_url, {1: SECRETS[1]}).active.kid
    assert load(empty_url, SECRETS).active.kid == kid


@pytest.mark.parametrize("wrong", [{2: SECRETS[2]}, {1: SECRETS[2]}], ids=["no such version", "another secret"])
def test_a_start_with_an_unknown_secret_refuses_and_destroys_nothing(empty_url: str, wrong: dict[int, str]) -> None:
    kid = load(empty_url, {1: SECRETS[1]}).active.kid
    with pytest.raises(UnreadableKey, match="version"):
        load(empty_url, wrong)
    assert load(empty_url, SECRETS).active.kid == kid


def test_a_start_that_could_not_open_the_spare_refuses_too(empty_url: str) -> None:
    """Otherwise the fault would show only in an emergency, when the spare is needed."""
    load(empty_url, {1: SECRETS[1]})
    Store(empty_url).execute("UPDATE signing_keys SET encryption_key_version = 3 WHERE state = 'next'")
    with pytest.raises(UnreadableKey, match="needs version 3"):
        load(empty_url, SECRETS)


@pytest.mark.process
def test_a_refused_start_says_why_in_one_line(sqlite_service: Service) -> None:
    result = sqlite_service.process("serve", "--port", "1", AUTH_KEY_ENCRYPTION_KEYS="7:" + "z" * 40)
    assert result.returncode == 1
    assert "needs version 1 of the key-encryption keys" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.process
def test_migrating_again_and_at_once_is_harmless(bare_url: str) -> None:
    service = Store(bare_url)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: service.process("migrate"), range(2)))
    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 2
    assert service.command("migrate").returncode == 0
    assert service.rows("SELECT count(*) FROM alembic_version") == [(1,)]


@pytest.mark.process
def test_a_start_on_another_schema_refuses_in_one_line(start: Start, sqlite_url: str) -> None:
    sqlite_service = start(sqlite_url)
    sqlite_service.execute("UPDATE alembic_version SET version_num = '0000_before'")
    for arguments in (["serve", "--port", "1"], ["users", "list"]):
        result = sqlite_service.process(*arguments)
        assert result.returncode == 1
        assert "run the migrate command first" in result.stderr
        assert len(result.stderr.splitlines()) == 1
