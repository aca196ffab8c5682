"""POST /sign-in/email and /sign-out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.accounts.passwords import Place
from auth_service.sessions import starting
from auth_service.status_lists import indexes

from .conftest import PASSWORD, Service, Start
from .statements import statements


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


def sign_in(service: Service, **members: str) -> httpx2.Response:
    return service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD, **members})


def test_a_sign_in_asks_the_database_little(service: Service) -> None:
    """Each statement costs more than the rest of its request. A refusal is the same for a known address."""
    service.signed_up("ann@example.com")
    sign_in(service)
    with statements() as of_success:
        assert sign_in(service).status_code == 200
    with statements() as of_wrong:
        assert sign_in(service, password="not-the-password").status_code == 401
    with statements() as of_unknown:
        assert sign_in(service, email="nobody@example.com").status_code == 401
    # The account; two budgets; both again, account, password, factor, surplus, session, event. An index is not seen.
    assert len(of_success) == 1 + 2 + 8, "\n".join(of_success)
    assert of_wrong == of_unknown
    assert len(of_wrong) <= 1 + 2 + 1, "\n".join(of_wrong)


MEANWHILE = {
    "suspended": ("UPDATE accounts SET suspended_at = '2026-01-01'", 401, set()),
    "another password": ("UPDATE identities SET password_hash = 'another'", 401, set()),
    "deleted": ("DELETE FROM accounts", 401, set()),
    "a second factor": (
        "UPDATE accounts SET second_factor_at = '2026-01-01'",
        200,
        {"twoFactorRedirect", "twoFactorMethods"},
    ),
    "a second factor is required": (
        "UPDATE accounts SET second_factor_required_at = '2026-01-01'",
        200,
        {"twoFactorRedirect", "twoFactorMethods"},
    ),
}


@pytest.mark.parametrize(("change", "status", "members"), MEANWHILE.values(), ids=MEANWHILE)
def test_what_changes_while_the_password_is_compared_counts(
    service: Service, monkeypatch: pytest.MonkeyPatch, change: str, status: int, members: set[str]
) -> None:
    """No transaction is open then. Nothing of the sign-in is stored that the change forbids."""
    service.signed_up("ann@example.com")
    matches = Place.matches

    async def match_and_change(*arguments: Any, **named: Any) -> bool:
        is_right = await matches(*arguments, **named)
        service.execute(change)
        return is_right

    monkeypatch.setattr(Place, "matches", match_and_change)
    answer = sign_in(service)
    assert answer.status_code == status
    assert members <= answer.json().keys()
    assert "session_token=" not in answer.headers.get("set-cookie", "").replace("session_token=;", "")
    assert service.rows("SELECT count(*) FROM audit_events WHERE event = 'signed_in'") == [(0,)]
    assert len(service.rows("SELECT id FROM browser_sessions")) <= 1  # the sign-up's


def test_of_too_many_sessions_the_oldest_ends(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "MAX_SESSIONS", 3)
    clients = [service.signed_up("ann@example.com")]
    for _ in range(4):
        service.clock.advance(seconds=1)
        clients.append(service.client())
        clients[-1].post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    are_live = [client.get("/get-session").json() is not None for client in clients]
    assert are_live == [False, False, True, True, True]


def test_a_sign_in_finds_one_of_few_free_indexes(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "SIZE", 16)
    service.signed_up("ann@example.com")
    assert {sign_in(service).status_code for _ in range(13)} == {200}
    used = service.rows("SELECT status_list_id, status_index FROM browser_sessions")
    assert len(set(used)) == len(used) == 14
    assert set(used) <= set(service.rows("SELECT list_id, idx FROM status_indexes"))
