"""The age of a published status list. Verifiers read it from the signed `iat`."""

import httpx2
import jwt

from .conftest import Service, Start
from .status_scene import inside
from .waiting import wait_until


def signed_at(service: Service) -> int:
    token = httpx2.get(inside(service, service.list_uri(1))).text
    return int(jwt.decode(token, options={"verify_signature": False})["iat"])


def test_a_list_is_signed_thrice_in_a_tokens_life(start: Start, sqlite_url: str) -> None:
    """A verifier treats a list older than a token's lifetime as stale and refuses writes."""
    service = start(sqlite_url, AUTH_ACCESS_TOKEN_TTL="PT6S")
    service.clock.stop()
    service.clock.advance(seconds=3)
    wait_until(lambda: signed_at(service) == int(service.clock().timestamp()))


def test_a_list_that_could_not_be_read_is_not_signed(start: Start, sqlite_url: str) -> None:
    """Its `iat` must stay old, because new revocations are unknown."""
    service = start(sqlite_url)
    service.clock.advance(seconds=40)
    first = signed_at(service)
    wait_until(lambda: signed_at(service) >= int(service.clock().timestamp()) - 5)
    service.execute("ALTER TABLE status_indexes RENAME TO elsewhere")
    signed = signed_at(service)
    service.clock.advance(seconds=100)
    wait_until(lambda: service.client().get("/ok").status_code == 200)
    assert first <= signed == signed_at(service)
    service.execute("ALTER TABLE elsewhere RENAME TO status_indexes")
    wait_until(lambda: signed_at(service) > signed)
