"""A session's access token is reused for one second, but not after its session or its key has ended."""

import httpx2

from .conftest import Service


def token_of(client: httpx2.Client) -> str:
    token: str = client.get("/token").json()["token"]
    return token


def test_those_who_ask_within_a_second_share_a_token(service: Service) -> None:
    client = service.signed_up()
    service.clock.stop()
    first = token_of(client)
    assert token_of(client) == first == client.get("/get-session").headers["set-auth-jwt"]
    service.clock.advance(seconds=0.9)
    assert token_of(client) == first
    service.clock.advance(seconds=0.2)
    assert token_of(client) != first


def test_each_session_has_its_own(sqlite_service: Service) -> None:
    first = sqlite_service.signed_up("ann@example.com")
    second = sqlite_service.client()
    second.post("/sign-in/email", json={"email": "ann@example.com", "password": "correct-horse-1"})
    stranger = sqlite_service.signed_up()
    assert len({token_of(client) for client in (first, second, stranger)}) == 3


def test_an_ended_session_gets_none_however_young(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    thief = sqlite_service.client(cookies=dict(client.cookies))
    assert token_of(thief)
    client.post("/sign-out")
    assert thief.get("/token").status_code == 401
    assert "set-auth-jwt" not in thief.get("/get-session").headers
