"""GET /get-session, /list-sessions, /list-accounts."""

import re
from urllib.parse import quote, unquote

import pytest

from auth_service.sealed.signed_values import ValueSigner
from auth_service.sealed.versioned_secrets import parse_secrets

from .conftest import SECRET, Service, Start

COOKIE = "better-auth.session_token"
WIRE_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_nobody_is_null_and_no_error(sqlite_service: Service) -> None:
    response = sqlite_service.client().get("/get-session")
    assert (response.status_code, response.json()) == (200, None)
    assert (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")


def test_get_session_shows_the_session_and_its_user(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    answer = client.get("/get-session", headers={"User-Agent": "x" * 600}).json()
    assert set(answer) == {"session", "user"}
    session_members = {"id", "token", "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent"}
    assert set(answer["session"]) == session_members
    people = {"id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt", "twoFactorEnabled"}
    assert set(answer["user"]) == people
    assert answer["session"]["userId"] == answer["user"]["id"]
    assert answer["session"]["ipAddress"] == "127.0.0.1"


def test_every_instant_has_exactly_three_decimals(service: Service) -> None:
    """With six decimals, the Better Auth client's dates would be off by minutes."""
    client = service.signed_up()
    for path in ("/get-session", "/list-sessions", "/list-accounts"):
        instants = re.findall(r'"([0-9-]{10}T[^"]*)"', client.get(path).text)
        assert instants
        assert all(WIRE_INSTANT.fullmatch(instant) for instant in instants)


def test_the_bare_handle_does_not_authenticate(service: Service) -> None:
    """Lists show the handle, so it must not be a credential."""
    client = service.signed_up()
    handle = client.get("/get-session").json()["session"]["token"]
    assert service.client(headers={"Authorization": f"Bearer {handle}"}).get("/get-session").json() is None
    assert service.client(cookies={COOKIE: handle}).get("/get-session").json() is None


def test_the_signed_credential_is_accepted_in_every_spelling(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up()
    encoded = client.cookies[COOKIE]
    signed = unquote(encoded)
    for headers in (
        {"Authorization": f"Bearer {signed}"},
        {"Authorization": f"bearer {encoded}"},
        {"Cookie": f"{COOKIE}={signed}"},
        {"Cookie": f'a=b; {COOKIE}="{encoded}"'},
    ):
        assert sqlite_service.client(headers=headers).get("/get-session").json() is not None, headers


def forgeries(service: Service) -> dict[str, dict[str, str]]:
    ann, eve = service.signed_up(), service.signed_up()
    ann_signed, eve_signed = unquote(ann.cookies[COOKIE]), unquote(eve.cookies[COOKIE])
    handle, _, signature = ann_signed.rpartition(".")
    other_name = ValueSigner(parse_secrets(SECRET), "dont_remember").sign(handle)
    other_secret = ValueSigner(parse_secrets("x" * 40), "session_token").sign(handle)
    return {
        "truncated": {"Cookie": f"{COOKIE}={ann_signed[:-1]}"},
        "signature emptied": {"Cookie": f"{COOKIE}={handle}."},
        "no signature": {"Cookie": f"{COOKIE}={handle}"},
        "another's signature": {"Cookie": f"{COOKIE}={handle}.{eve_signed.rpartition('.')[2]}"},
        "signed under another name": {"Cookie": f"{COOKIE}={other_name}"},
        "signed with another secret": {"Cookie": f"{COOKIE}={other_secret}"},
        "encoded twice": {"Cookie": f"{COOKIE}={quote(quote(ann_signed, safe=''), safe='')}"},
        "two that differ": {"Cookie": f"{COOKIE}={quote(ann_signed)}; {COOKIE}={quote(eve_signed)}"},
        "not ASCII": {"Cookie": f"{COOKIE}=%C3%A9.{signature}"},
        "very long": {"Cookie": f"{COOKIE}={'a' * 5000}.{signature}"},
        "under the https name": {"Cookie": f"__Secure-{COOKIE}={quote(ann_signed)}"},
        "a bad bearer beside a good cookie": {"Cookie": f"{COOKIE}={quote(ann_signed)}", "Authorization": "Bearer x"},
        "an access token": {"Authorization": f"Bearer {ann.get('/token').json()['token']}"},
    }


def test_forged_credentials_are_nobody_and_clear_nothing(sqlite_service: Service) -> None:
    for name, headers in forgeries(sqlite_service).items():
        response = sqlite_service.client(headers=headers).get("/get-session")
        assert (response.status_code, response.json()) == (200, None), name
        if name != "two that differ":  # test_foreign_cookies.py: both are ours, and deleted
            assert "set-cookie" not in response.headers, name
        refused = sqlite_service.client(headers=headers).get("/token")
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED"), name


def test_a_dead_session_is_taken_off_the_browser(service: Service) -> None:
    client = service.signed_up()
    service.clock.advance(days=8)
    for path, status in (("/get-session", 200), ("/token", 401)):
        response = service.client(cookies=dict(client.cookies)).get(path)
        assert response.status_code == status
        assert len(response.headers.get_list("set-cookie")) == 3


def test_a_session_slides_after_a_day_of_age(service: Service) -> None:
    client = service.signed_up()
    token = client.get("/get-session").json()["session"]["token"]
    service.clock.advance(hours=23)
    assert "set-cookie" not in client.get("/get-session").headers
    service.clock.advance(hours=2)
    unslid = client.get("/get-session", params={"disableRefresh": "false"})
    assert "set-cookie" not in unslid.headers, "any text must count as true for disableRefresh"
    slid = client.get("/get-session")
    assert "Max-Age=604800" in slid.headers["set-cookie"]
    assert slid.json()["session"]["token"] == token
    assert slid.json()["session"]["expiresAt"] > unslid.json()["session"]["expiresAt"]
    service.clock.advance(days=6, hours=23)
    assert client.get("/get-session").json() is not None


def test_no_session_outlives_its_absolute_age(start: Start, database_url: str) -> None:
    """By default a session ends after 7 days without use and after 90 days at most; here after 2 and 3."""
    service = start(database_url, AUTH_SESSION_TTL="P2D", AUTH_SESSION_ABSOLUTE_MAX_AGE="P3D")
    client = service.signed_up()
    for _ in range(5):
        service.clock.advance(hours=14)
        assert client.get("/get-session").json() is not None
    service.clock.advance(hours=3)
    assert client.get("/get-session").json() is None


def test_list_sessions_shows_own_live_sessions_only_and_wants_a_fresh_sign_in(service: Service) -> None:
    ann, _ = service.signed_up(), service.signed_up()
    current = ann.get("/get-session").json()["session"]
    assert [session["token"] for session in ann.get("/list-sessions").json()] == [current["token"]]
    service.clock.advance(hours=25)
    stale = ann.get("/list-sessions")
    assert (stale.status_code, stale.json()["code"]) == (403, "SESSION_NOT_FRESH")


def test_list_accounts_shows_the_credential_without_its_hash(service: Service) -> None:
    client = service.signed_up()
    user_id = client.get("/get-session").json()["user"]["id"]
    [identity] = client.get("/list-accounts").json()
    assert (identity["providerId"], identity["accountId"], identity["userId"]) == ("credential", user_id, user_id)
    assert identity["scopes"] == []
    assert set(identity) == {"id", "accountId", "providerId", "userId", "createdAt", "updatedAt", "scopes"}


@pytest.mark.parametrize("path", ["/list-sessions", "/list-accounts", "/token"])
def test_nobody_is_401_where_a_session_is_needed(sqlite_service: Service, path: str) -> None:
    response = sqlite_service.client().get(path)
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized", "code": "UNAUTHORIZED"})


def test_over_https_every_cookie_is_secure_and_named_so(start: Start, sqlite_url: str) -> None:
    issuer = "https://id.example.com"
    service = start(sqlite_url, AUTH_ISSUER=issuer)
    client = service.client(headers={"Origin": issuer})
    body = {"name": "Ann", "email": "ann@example.com", "password": "correct-horse-1"}
    cookie = client.post("/sign-up/email", json=body).headers["set-cookie"]
    assert cookie.startswith("__Secure-better-auth.session_token=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
