"""POST /sign-in/email and /sign-out."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import PASSWORD, Service, Start


def test_sign_in_starts_a_second_session(service: Service) -> None:
    first = service.signed_up("ann@example.com")
    second = service.client()
    response = second.post("/sign-in/email", json={"email": "ANN@example.com", "password": PASSWORD})
    assert response.status_code == 200
    assert set(response.json()) == {"redirect", "token", "user"}
    assert response.json()["redirect"] is False
    tokens = [client.get("/get-session").json()["session"]["token"] for client in (first, second)]
    assert tokens[0] != tokens[1] == response.json()["token"]


def test_a_callback_url_is_echoed_as_a_redirect(sqlite_service: Service) -> None:
    sqlite_service.signed_up("ann@example.com")
    body = {"email": "ann@example.com", "password": PASSWORD, "callbackURL": "/dash?a=1"}
    answer = sqlite_service.client().post("/sign-in/email", json=body).json()
    assert (answer["redirect"], answer["url"]) == (True, "/dash?a=1")


WRONG = {
    "wrong password": {"email": "ann@example.com", "password": "not-the-password"},
    "unknown address": {"email": "nobody@example.com", "password": PASSWORD},
    "empty password": {"email": "ann@example.com", "password": ""},
    "another case": {"email": "ann@example.com", "password": PASSWORD.upper()},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_wrong_credentials_get_one_and_the_same_refusal(sqlite_service: Service, body: dict[str, str]) -> None:
    sqlite_service.signed_up("ann@example.com")
    response = sqlite_service.client().post("/sign-in/email", json=body)
    assert response.status_code == 401
    assert response.json() == {"message": "Invalid email or password", "code": "INVALID_EMAIL_OR_PASSWORD"}
    assert "set-cookie" not in response.headers
    assert "set-auth-token" not in response.headers


def test_malformed_credentials_are_400(sqlite_service: Service) -> None:
    client = sqlite_service.client()
    malformed = client.post("/sign-in/email", json={"email": "nonsense", "password": PASSWORD})
    assert (malformed.status_code, malformed.json()["code"]) == (400, "INVALID_EMAIL")
    long = client.post("/sign-in/email", json={"email": "ann@example.com", "password": "x" * 129})
    assert (long.status_code, long.json()["code"]) == (400, "PASSWORD_TOO_LONG")


def test_a_session_that_is_not_remembered_has_no_max_age_and_ends_in_a_day(service: Service) -> None:
    service.signed_up("ann@example.com")
    client = service.client()
    response = client.post(
        "/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD, "rememberMe": False}
    )
    cookies = response.headers.get_list("set-cookie")
    names = ["dont_remember", "session_token", "known_device"]
    assert [cookie.partition("=")[0] for cookie in cookies] == [f"better-auth.{name}" for name in names]
    assert not any("max-age" in cookie.lower() for cookie in cookies[:2])
    service.clock.advance(hours=23, minutes=59)
    assert client.get("/get-session").json() is not None
    service.clock.advance(minutes=2)
    assert client.get("/get-session").json() is None


def test_sign_out_ends_the_session_for_every_holder_of_the_credential(service: Service) -> None:
    client = service.signed_up()
    thief = service.client(cookies=dict(client.cookies))
    response = client.post("/sign-out")
    assert (response.status_code, response.json()) == (200, {"success": True})
    cleared = response.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cleared] == [
        f"better-auth.{name}" for name in ("session_token", "session_data", "dont_remember")
    ]
    assert all("=; Max-Age=0;" in cookie for cookie in cleared)
    assert thief.get("/get-session").json() is None
    assert service.rows("SELECT * FROM browser_sessions") == []


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"callbackURL": "/", "oauth_query": "x"}}])
def test_sign_out_without_a_session_succeeds(sqlite_service: Service, body: dict[str, object]) -> None:
    response = sqlite_service.client().post("/sign-out", **body)  # type: ignore[arg-type]  # keywords from a table
    assert (response.status_code, response.json()) == (200, {"success": True})


@pytest.mark.usefixtures("real_hashing")
def test_a_full_hashing_queue_answers_429_and_nothing_else_slows_down(start: Start, sqlite_url: str) -> None:
    """One thread and one place in the queue: most of sixteen parallel sign-ins get 429."""
    service = start(sqlite_url, AUTH_HASHING_THREADS="1", AUTH_HASHING_QUEUE_LIMIT="1")
    client = service.signed_up("ann@example.com")
    body = {"email": "ann@example.com", "password": PASSWORD}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: service.client().post("/sign-in/email", json=body), range(48)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {200, 429}
    assert refused
    assert all(answer.headers["retry-after"] == answer.headers["x-retry-after"] == "1" for answer in refused)
    assert refused[0].json() == {"message": "Too many requests. Please try again later."}
    assert client.get("/get-session").json() is not None
    assert service.client().post("/sign-in/email", json=body).status_code == 200
