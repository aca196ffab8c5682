"""A session's access token is given out again while it is young, and never a moment beyond its session or its key."""

from datetime import timedelta

import httpx2
import jwt

from .conftest import Service, Start


def token_of(client: httpx2.Client) -> str:
    token: str = client.get("/token").json()["token"]
    return token


def test_a_young_token_is_given_out_again_everywhere(service: Service) -> None:
    client = service.signed_up()
    service.clock.stop()
    first = token_of(client)
    assert token_of(client) == first == client.get("/get-session").headers["set-auth-jwt"]
    service.clock.advance(seconds=59)
    assert token_of(client) == first
    service.clock.advance(seconds=2)
    assert token_of(client) != first


def test_each_session_has_its_own(sqlite_service: Service) -> None:
    first = sqlite_service.signed_up("ann@example.com")
    second = sqlite_service.client()
    second.post("/sign-in/email", json={"email": "ann@example.com", "password": "correct-horse-1"})
    stranger = sqlite_service.signed_up()
    assert len({token_of(client) for client in (first, second, stranger)}) == 3


def test_what_is_given_out_has_four_fifths_of_its_life_before_it(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url, AUTH_ACCESS_TOKEN_TTL="PT50S")
    client = service.signed_up()
    service.clock.stop()
    first = token_of(client)
    service.clock.advance(seconds=9)
    assert token_of(client) == first
    service.clock.advance(seconds=2)
    renewed = jwt.decode(token_of(client), options={"verify_signature": False})
    assert renewed["exp"] == int((service.clock() + timedelta(seconds=50)).timestamp())


def test_an_ended_session_gets_none_however_young(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    thief = sqlite_service.client(cookies=dict(client.cookies))
    assert token_of(thief)
    client.post("/sign-out")
    assert thief.get("/token").status_code == 401
    assert "set-auth-jwt" not in thief.get("/get-session").headers
