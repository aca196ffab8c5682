"""Changes that a signed-in person may make to their account."""

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from auth_service.sessions.browser_sessions import delete_with_sessions
from auth_service.store.database import Database

from .code_flow import person_in, register_frontend
from .conftest import PASSWORD, Service
from .statements import before_each

NEW_PASSWORD = "brand-new-horse-2"


def sign_in(service: Service, email: str, password: str = PASSWORD) -> httpx2.Client:
    client = service.client()
    assert client.post("/sign-in/email", json={"email": email, "password": password}).status_code == 200
    return client


def is_signed_in(client: httpx2.Client) -> bool:
    return client.get("/get-session").json() is not None


def token_of(client: httpx2.Client) -> str:
    token: str = client.get("/get-session").json()["session"]["token"]
    return token


def clears_cookies(response: httpx2.Response) -> bool:
    return "better-auth.session_token=; Max-Age=0" in response.headers.get("set-cookie", "")


def test_revoke_session_ends_one_of_ones_own(service: Service) -> None:
    here = service.signed_up("ann@example.com")
    there = sign_in(service, "ann@example.com")
    response = here.post("/revoke-session", json={"token": token_of(there)})
    assert (response.status_code, response.json()) == (200, {"status": True})
    assert not clears_cookies(response)
    assert (is_signed_in(here), is_signed_in(there)) == (True, False)


def test_revoke_session_leaves_other_peoples_alone_and_does_not_say_so(service: Service) -> None:
    ann, eve = service.signed_up(), service.signed_up()
    for token in (token_of(ann), "no-such-token"):
        response = eve.post("/revoke-session", json={"token": token})
        assert (response.status_code, response.json()) == (200, {"status": True})
    assert is_signed_in(ann)


def test_revoking_ones_own_session_clears_the_cookies(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    assert clears_cookies(client.post("/revoke-session", json={"token": token_of(client)}))


def test_revoke_other_sessions_keeps_the_caller(service: Service) -> None:
    here = service.signed_up("ann@example.com")
    others = [sign_in(service, "ann@example.com") for _ in range(3)]
    stranger = service.signed_up()
    assert here.post("/revoke-other-sessions", json={}).json() == {"status": True}
    assert is_signed_in(here)
    assert is_signed_in(stranger)
    assert not any(map(is_signed_in, others))


def test_revoke_sessions_ends_all_of_them(service: Service) -> None:
    here = service.signed_up("ann@example.com")
    there = sign_in(service, "ann@example.com")
    assert clears_cookies(here.post("/revoke-sessions"))
    assert not is_signed_in(there)
    assert service.rows("SELECT * FROM browser_sessions") == []


def test_update_user_changes_name_and_picture(service: Service) -> None:
    client = service.signed_up()
    response = client.post("/update-user", json={"name": "Ann B", "image": "https://x.example.com/p.png"})
    assert (response.status_code, response.json()) == (200, {"status": True})
    assert response.headers["set-cookie"].startswith("better-auth.session_token=")
    user = client.get("/get-session").json()["user"]
    assert (user["name"], user["image"]) == ("Ann B", "https://x.example.com/p.png")
    client.post("/update-user", json={"image": None})
    assert client.get("/get-session").json()["user"]["image"] is None


REFUSED_UPDATES = [
    ({"email": "new@example.com"}, "EMAIL_CAN_NOT_BE_UPDATED"),
    ({"email": None, "name": "x"}, "EMAIL_CAN_NOT_BE_UPDATED"),
    ({}, None),
    ({"unknown": 1}, None),
    ({"name": None}, "VALIDATION_ERROR"),
    ({"name": "a\x00"}, "VALIDATION_ERROR"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED_UPDATES)
def test_email_and_bad_members_change_nothing(
    sqlite_service: Service, body: dict[str, object], code: str | None
) -> None:
    client = sqlite_service.signed_up()
    response = client.post("/update-user", json=body)
    assert (response.status_code, response.json().get("code")) == (400, code)
    assert client.get("/get-session").json()["user"]["name"] == "Ann"


def test_a_session_has_no_members_of_an_applications_own(sqlite_service: Service) -> None:
    response = sqlite_service.signed_up().post("/update-session", json={"theme": "dark"})
    assert (response.status_code, response.json()) == (400, {"message": "No fields to update"})


def test_change_password_keeps_the_sessions(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    other = sign_in(service, "ann@example.com")
    response = client.post("/change-password", json={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD})
    assert (response.status_code, response.json()["token"]) == (200, None)
    assert is_signed_in(client)
    assert is_signed_in(other)
    sign_in(service, "ann@example.com", NEW_PASSWORD)
    old = service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    assert old.status_code == 401


def test_change_password_may_end_every_other_session_and_replace_this_one(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    thief = service.client(cookies=dict(client.cookies))
    other = sign_in(service, "ann@example.com")
    body = {"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD, "revokeOtherSessions": True}
    response = client.post("/change-password", json=body)
    assert response.json()["token"] == token_of(client)
    assert not is_signed_in(thief)
    assert not is_signed_in(other)


REFUSED_CHANGES = {
    "wrong": ({"currentPassword": "not-the-password", "newPassword": NEW_PASSWORD}, "INVALID_PASSWORD"),
    "short": ({"currentPassword": PASSWORD, "newPassword": "short"}, "PASSWORD_TOO_SHORT"),
    "long": ({"currentPassword": PASSWORD, "newPassword": "x" * 129}, "PASSWORD_TOO_LONG"),
    "common": ({"currentPassword": PASSWORD, "newPassword": "password1"}, "PASSWORD_COMPROMISED"),
    "missing": ({"currentPassword": PASSWORD}, "VALIDATION_ERROR"),
}


@pytest.mark.parametrize(("body", "code"), REFUSED_CHANGES.values(), ids=REFUSED_CHANGES)
def test_a_refused_change_leaves_the_password(sqlite_service: Service, body: dict[str, str], code: str) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    response = client.post("/change-password", json=body)
    assert (response.status_code, response.json()["code"]) == (400, code)
    sign_in(sqlite_service, "ann@example.com")


@pytest.mark.usefixtures("real_hashing")
def test_of_simultaneous_password_changes_one_wins(service: Service) -> None:
    clients = [service.signed_up("ann@example.com"), *(sign_in(service, "ann@example.com") for _ in range(3))]

    def change(numbered: tuple[int, httpx2.Client]) -> int:
        body = {"currentPassword": PASSWORD, "newPassword": f"{NEW_PASSWORD}-{numbered[0]}"}
        return numbered[1].post("/change-password", json=body).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(change, enumerate(clients)))
    assert sorted(statuses) == [200, 400, 400, 400]
    sign_in(service, "ann@example.com", f"{NEW_PASSWORD}-{statuses.index(200)}")


def test_verify_password_tells_right_from_wrong(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    assert client.post("/verify-password", json={"password": PASSWORD}).json() == {"status": True}
    wrong = client.post("/verify-password", json={"password": "not-the-password"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "INVALID_PASSWORD")


def test_delete_user_takes_everything_of_the_account(service: Service) -> None:
    service.signed_up()
    client = service.signed_up("ann@example.com")
    refused = client.post("/delete-user", json={"password": "not-the-password"})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_PASSWORD")
    response = client.post("/delete-user", json={"password": PASSWORD})
    assert response.json() == {"success": True, "message": "User deleted"}
    assert clears_cookies(response)
    counts = [service.rows(f"SELECT count(*) FROM {t}") for t in ("accounts", "identities", "browser_sessions")]
    assert counts == [[(1,)]] * 3
    service.signed_up("ann@example.com")


def test_other_requests_go_on_while_an_account_with_many_grants_is_deleted(sqlite_service: Service) -> None:
    """On SQLite a statement stops all others of the process, so none deletes everything at once (DECISIONS.md, 134)."""
    service, turns, seen = sqlite_service, itertools.count(), list[int]()
    person, frontend = person_in(service.signed_up()), register_frontend(service)
    for number in range(41):  # twenty are deleted at once
        frontend.authorize(person, session_id=f"s{number}")

    async def take_turns() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    async def see(statement: str) -> None:
        if statement.startswith("DELETE FROM grants"):
            seen.append(next(turns))

    async def delete(database: Database) -> None:
        others = asyncio.create_task(take_turns())
        async with database.writing() as session:
            await delete_with_sessions(session, person.account_id, now=service.clock())
        others.cancel()

    with before_each(see):
        service.do(delete)
    assert len(seen) == 3
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(seen)), "the other task had its turn"
    assert service.rows("SELECT * FROM authorization_codes") == []


def test_delete_user_without_a_password_wants_a_fresh_session(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    mailed = client.post("/delete-user", json={"token": "x"})
    assert (mailed.status_code, mailed.json()["code"]) == (404, "INVALID_TOKEN")
    sqlite_service.clock.advance(hours=25)
    stale = client.post("/delete-user", json={})
    assert (stale.status_code, stale.json()["code"]) == (400, "SESSION_EXPIRED")
    sqlite_service.clock.advance(hours=-2)
    assert client.post("/delete-user", json={}).status_code == 200


def test_the_last_way_in_cannot_be_taken_away(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    [identity] = client.get("/list-accounts").json()
    for account_id in (identity["id"], "unknown"):
        response = client.post("/unlink-account", json={"accountId": account_id})
        assert (response.status_code, response.json()["code"]) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
    sqlite_service.clock.advance(hours=25)
    stale = client.post("/unlink-account", json={"accountId": identity["id"]})
    assert (stale.status_code, stale.json()["code"]) == (403, "SESSION_NOT_FRESH")


def test_one_of_two_ways_in_can_be_taken_away(service: Service) -> None:
    client, stranger = service.signed_up("ann@example.com"), service.signed_up()
    [identity] = client.get("/list-accounts").json()
    [foreign] = stranger.get("/list-accounts").json()
    service.execute(
        "INSERT INTO identities (id, account_id, provider_id, subject, created_at, updated_at) "
        f"SELECT 'second', account_id, 'elsewhere', 'ann', created_at, updated_at FROM identities "
        f"WHERE id = '{identity['id']}'"
    )
    for account_id in ("unknown", foreign["id"]):
        refused = client.post("/unlink-account", json={"accountId": account_id})
        assert (refused.status_code, refused.json()["code"]) == (400, "ACCOUNT_NOT_FOUND")
    assert client.post("/unlink-account", json={"accountId": "second"}).json() == {"status": True}
    assert client.get("/list-accounts").json() == [identity]


def test_revoke_session_takes_any_text(service: Service) -> None:
    client = service.signed_up()
    for token in ("a\x00b", "", "x" * 5_000, "\N{GRINNING FACE}"):
        response = client.post("/revoke-session", json={"token": token})
        assert (response.status_code, response.json()) == (200, {"status": True})


def test_a_refused_new_password_is_no_guess_at_the_old_one(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    sqlite_service.clock.stop()
    for new_password in ("short", "password1") * 4:
        body = {"currentPassword": PASSWORD, "newPassword": new_password}
        assert client.post("/change-password", json=body).status_code == 400
    assert client.post("/verify-password", json={"password": PASSWORD}).status_code == 200


def test_an_account_keeps_its_newest_500_sessions(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    [(account_id,)] = service.rows("SELECT id FROM accounts")
    columns = "account_id, is_remembered, ip_address, user_agent, expires_at, updated_at, created_at, authenticated_at"
    long_ago = "'2026-01-01'"
    values = ", ".join(
        f"('{number}', '{number}', '{account_id}', true, '', '', '2099-01-01', {long_ago}, {long_ago}, {long_ago})"
        for number in range(600)
    )
    service.execute(f"INSERT INTO browser_sessions (id, token, {columns}) VALUES {values}")
    newest = sign_in(service, "ann@example.com")
    assert service.rows("SELECT count(*) FROM browser_sessions") == [(500,)]
    assert is_signed_in(newest)
    assert is_signed_in(client)


NEEDS_A_SESSION = [
    "/revoke-session", "/revoke-sessions", "/revoke-other-sessions", "/update-user", "/update-session",
    "/change-password", "/verify-password", "/delete-user", "/unlink-account",
]  # fmt: skip


@pytest.mark.parametrize("path", NEEDS_A_SESSION)
def test_nobody_is_401_after_the_body_is_read(sqlite_service: Service, path: str) -> None:
    body = {"token": "x", "password": "x", "currentPassword": "x", "newPassword": "x", "accountId": "x"}
    client = sqlite_service.client()
    anonymous = client.post(path, json=body)
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "UNAUTHORIZED")
    assert client.post(path, content="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert client.get(path).status_code == 404


def test_a_bearer_may_do_all_that_a_cookie_may(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    cookie = client.cookies["better-auth.session_token"]
    bearer = sqlite_service.client(headers={"Authorization": f"Bearer {cookie}", "Origin": "https://evil.example.net"})
    assert bearer.post("/update-user", json={"name": "By bearer"}).json() == {"status": True}
    assert bearer.get("/get-session").json()["user"]["name"] == "By bearer"
