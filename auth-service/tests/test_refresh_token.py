"""The refresh token grant (RFC 6749 §6; rule S8 of RULES.md)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from auth_service.grants.grants import Authorized
from auth_service.sealed.sealing import Seal
from auth_service.tokens.authorization_codes import AuthorizationCode
from auth_service.tokens.refresh_tokens import RefreshTokenFamily

from .code_flow import API, Frontend, Person, live_grants, register_backend, register_frontend, sign_in, sign_up
from .conftest import ISSUER, PASSWORD, Service, Start
from .oauth_client import claims_of
from .test_expiry import run_expiry

OFFLINE = "openid offline_access todos:read"


def test_a_refresh_gives_other_tokens_for_the_same_authentication(service: Service) -> None:
    """RFC 9068 §2.2.1; OpenID Connect Core §12.2: no nonce, and the same `auth_time`."""
    service.clock.stop()
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)
    service.clock.advance(minutes=10)
    response = frontend.refresh(first["refresh_token"])
    second = response.json()
    assert response.headers["Cache-Control"] == "no-store"
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]
    was, now_is = claims_of(first["access_token"]), claims_of(second["access_token"])
    assert now_is["iat"] - was["iat"] == 600
    for name in ("iss", "sub", "aud", "client_id", "scope", "sid", "auth_time", "acr", "amr"):
        assert now_is[name] == was[name], name
    identity = claims_of(second["id_token"])
    assert {"nonce", "azp"}.isdisjoint(identity)
    assert identity["auth_time"] == claims_of(first["id_token"])["auth_time"]


def test_signing_in_again_changes_no_family(sqlite_service: Service) -> None:
    """RFC 9068 §2.2.1: `auth_time` stays that of the authorization that the token comes from."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    first = frontend.tokens(person)
    sqlite_service.execute("UPDATE browser_sessions SET authenticated_at = '2030-01-01 00:00:00'")
    second = frontend.refresh(first["refresh_token"]).json()
    assert claims_of(second["access_token"])["auth_time"] == claims_of(first["access_token"])["auth_time"]


def test_the_parent_gets_the_identical_successor_for_a_minute(service: Service) -> None:
    """The answer may be lost, or two tabs may refresh at once."""
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)["refresh_token"]
    service.clock.stop()
    second = frontend.refresh(first).json()["refresh_token"]
    service.clock.advance(seconds=60)
    again = frontend.refresh(first).json()
    assert again["refresh_token"] == second
    assert claims_of(again["access_token"])["sub"] == person.account_id
    third = frontend.refresh(second).json()["refresh_token"]
    assert third not in (first, second)
    assert live_grants(service) == 1


def test_after_a_minute_the_parent_is_a_stolen_token(service: Service) -> None:
    """RFC 9700 §4.14.2: the grant ends. This is committed before the refusal is sent."""
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)["refresh_token"]
    service.clock.stop()
    second = frontend.refresh(first).json()["refresh_token"]
    service.clock.advance(seconds=60.001)
    assert frontend.refresh(first).json()["error"] == "invalid_grant"
    assert live_grants(service) == 0
    assert frontend.refresh(second).json()["error"] == "invalid_grant"


def test_the_parent_of_a_spent_token_is_a_stolen_token(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)["refresh_token"]
    second = frontend.refresh(first).json()["refresh_token"]
    third = frontend.refresh(second).json()["refresh_token"]
    assert frontend.refresh(first).json()["error"] == "invalid_grant"
    assert frontend.refresh(third).json()["error"] == "invalid_grant"
    assert live_grants(service) == 0


def test_an_old_token_is_recognized_however_many_came_after_it(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    tokens = [frontend.tokens(person, OFFLINE)["refresh_token"]]
    for _ in range(10):
        tokens.append(frontend.refresh(tokens[-1]).json()["refresh_token"])
    sqlite_service.clock.advance(days=20)
    assert sqlite_service.rows("SELECT count(*) FROM refresh_token_families") == [(1,)]
    assert frontend.refresh(tokens[3]).json()["error"] == "invalid_grant"
    assert frontend.refresh(tokens[-1]).json()["error"] == "invalid_grant"


def test_the_end_takes_every_family_of_the_grant(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    one, other = frontend.tokens(person)["refresh_token"], frontend.tokens(person)["refresh_token"]
    frontend.refresh(frontend.refresh(one).json()["refresh_token"])
    assert frontend.refresh(one).json()["error"] == "invalid_grant"
    assert frontend.refresh(other).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("register_thief", [register_frontend, register_backend])
def test_a_token_is_its_clients_alone(service: Service, register_thief: Callable[[Service], Frontend]) -> None:
    """Another client gets nothing for a token in any state, and ends nothing: it may have found the token in a log."""
    person, frontend, thief = sign_up(service), register_frontend(service), register_thief(service)
    spent = frontend.tokens(person)["refresh_token"]
    assert thief.refresh(spent).json()["error"] == "invalid_grant"
    parent = frontend.refresh(spent).json()["refresh_token"]
    current = frontend.refresh(parent).json()["refresh_token"]
    invented = f"{current.partition('.')[0]}.{'x' * 43}"
    refusals = {thief.refresh(token).text for token in (spent, parent, current, invented)}
    assert refusals == {thief.refresh(f"{'x' * 22}.{'x' * 43}").text}, "a refusal tells what the thief has"
    assert live_grants(service) == 1
    assert frontend.refresh(parent).json()["refresh_token"] == current, "the successor was not given any more"
    assert frontend.refresh(spent).json()["error"] == "invalid_grant"
    assert live_grants(service) == 0, "the reuse by its own client was not noticed any more"


# The changed parameters of the request, and the error.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"refresh_token": None}, "invalid_request"),
    "an empty token": ({"refresh_token": ""}, "invalid_request"),
    "two tokens": ({"refresh_token": ["x", "y"]}, "invalid_request"),
    "an unknown token": ({"refresh_token": "x"}, "invalid_grant"),
    "one of the right form": ({"refresh_token": f"{'x' * 22}.{'x' * 43}"}, "invalid_grant"),
    "a long token": ({"refresh_token": "x" * 60_000}, "invalid_grant"),
    "a token that is not ASCII": ({"refresh_token": "ä" * 66}, "invalid_grant"),
    "NUL in the token": ({"refresh_token": "\0"}, "invalid_request"),
    "more than was granted": ({"scope": "openid todos:write"}, "invalid_scope"),
    "an unknown scope": ({"scope": "admin"}, "invalid_scope"),
    "a malformed scope": ({"scope": "openid  todos:read"}, "invalid_scope"),
    "another resource": ({"resource": ISSUER}, "invalid_target"),
    "two resources": ({"resource": [API, ISSUER]}, "invalid_target"),
    "no client": ({"client_id": None}, "invalid_client"),
    "a secret that it has not": ({"client_secret": "x"}, "invalid_client"),
}


@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_and_spends_nothing(
    sqlite_service: Service, changes: dict[str, Any], error: str
) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person, "openid todos:read")["refresh_token"]
    refused = frontend.refresh(**{"refresh_token": token, **changes})
    assert (refused.status_code, refused.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    assert sqlite_service.rows("SELECT rotated_at FROM refresh_token_families") == [(None,)]
    assert frontend.refresh(token).status_code == 200


def test_a_known_family_with_an_invented_secret_is_a_stolen_token(sqlite_service: Service) -> None:
    """A caller that knows the family's id must have had one of its tokens."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person)["refresh_token"]
    assert frontend.refresh(f"{token.partition('.')[0]}.{'x' * 43}").json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 0


def test_scope_may_be_narrowed_for_once(sqlite_service: Service) -> None:
    """RFC 6749 §6: the next refresh token is for the original scope."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person)["refresh_token"]
    narrowed = frontend.refresh(token, scope="todos:read").json()
    assert narrowed["scope"] == claims_of(narrowed["access_token"])["scope"] == "todos:read"
    assert "id_token" not in narrowed
    assert frontend.refresh(narrowed["refresh_token"]).json()["scope"] == "openid profile email todos:read todos:write"


def test_scope_that_is_registered_no_more_is_given_no_more(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person)["refresh_token"]
    sqlite_service.execute("UPDATE clients SET registered = replace(registered, ' todos:write', '')")
    sqlite_service.clock.advance(seconds=5)
    assert frontend.refresh(token).json()["scope"] == "openid profile email todos:read"


def sign_out(person: Person) -> None:
    assert person.browser.post("/sign-out", json={}).status_code == 200


def test_an_online_token_ends_with_its_session_and_an_offline_one_does_not(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    online, offline = frontend.tokens(person)["refresh_token"], frontend.tokens(person, OFFLINE)["refresh_token"]
    sign_out(person)
    assert frontend.refresh(online).json()["error"] == "invalid_grant"
    refreshed = frontend.refresh(offline).json()
    assert claims_of(refreshed["access_token"])["sid"] == person.session_id
    assert live_grants(service) == 1


def test_an_online_token_ends_when_its_session_expires(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    token = frontend.tokens(person)["refresh_token"]
    service.clock.advance(days=6)
    token = frontend.refresh(token).json()["refresh_token"]
    service.clock.advance(days=2)
    assert frontend.refresh(token).json()["error"] == "invalid_grant"


def test_an_offline_token_lives_while_it_is_used_and_half_a_year_at_most(sqlite_service: Service) -> None:
    person, frontend, clock = sign_up(sqlite_service), register_frontend(sqlite_service), sqlite_service.clock
    clock.stop()
    token = frontend.tokens(person, OFFLINE)["refresh_token"]
    for _ in range(6):
        clock.advance(days=29)
        token = frontend.refresh(token).json()["refresh_token"]
    clock.advance(days=5, hours=23)
    token = frontend.refresh(token).json()["refresh_token"]
    clock.advance(hours=1)
    assert frontend.refresh(token).json()["error"] == "invalid_grant"


def test_an_offline_token_that_is_not_used_expires(sqlite_service: Service) -> None:
    person, frontend, clock = sign_up(sqlite_service), register_frontend(sqlite_service), sqlite_service.clock
    clock.stop()
    token = frontend.tokens(person, OFFLINE)["refresh_token"]
    clock.advance(days=30)
    assert frontend.refresh(token).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 1, "an expired token was treated as stolen"


# Actions that end offline grants too; "elsewhere" is another session of the same person.
ENDINGS: dict[str, Callable[[Service, Person, Person], Any]] = {
    "revoke-session": lambda service, here, elsewhere: elsewhere.browser.post(
        "/revoke-session", json={"token": here.browser.get("/get-session").json()["session"]["token"]}
    ),
    "revoke-sessions": lambda service, here, elsewhere: elsewhere.browser.post("/revoke-sessions", json={}),
    "revoke-other-sessions": lambda service, here, elsewhere: elsewhere.browser.post("/revoke-other-sessions", json={}),
    "revokeOtherSessions": lambda service, here, elsewhere: elsewhere.browser.post(
        "/change-password",
        json={"currentPassword": PASSWORD, "newPassword": "another-horse-2", "revokeOtherSessions": True},
    ),
    "delete-user": lambda service, here, elsewhere: elsewhere.browser.post("/delete-user", json={"password": PASSWORD}),
    "users suspend": lambda service, here, elsewhere: service.command("users", "suspend", "--yes", here.account_id),
    "users delete": lambda service, here, elsewhere: service.command("users", "delete", "--yes", here.account_id),
    "users revoke-sessions": lambda service, here, elsewhere: service.command(
        "users", "revoke-sessions", "--yes", here.account_id
    ),
    "users set-password": lambda service, here, elsewhere: service.command(
        "users", "set-password", here.account_id, stdin="another-horse-2\n"
    ),
    "sessions revoke": lambda service, here, elsewhere: service.command("sessions", "revoke", here.session_id),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_whoever_takes_sessions_away_ends_offline_grants_too(
    sqlite_service: Service, end: Callable[[Service, Person, Person], Any]
) -> None:
    here, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    tokens = [frontend.tokens(here, scope)["refresh_token"] for scope in ("openid", OFFLINE)]
    assert live_grants(sqlite_service) == 2
    end(sqlite_service, here, sign_in(sqlite_service))
    assert live_grants(sqlite_service) == 0
    assert [frontend.refresh(token).json()["error"] for token in tokens] == ["invalid_grant"] * 2


def test_other_sessions_end_and_this_ones_grants_stay(service: Service) -> None:
    here, frontend = sign_up(service), register_frontend(service)
    mine = [frontend.tokens(here, scope)["refresh_token"] for scope in ("openid", OFFLINE)]
    elsewhere = sign_in(service)
    theirs = [frontend.tokens(elsewhere, scope)["refresh_token"] for scope in ("openid", OFFLINE)]
    here.browser.post("/revoke-other-sessions", json={})
    assert [frontend.refresh(token).status_code for token in mine] == [200, 200]
    assert [frontend.refresh(token).status_code for token in theirs] == [400, 400]


def test_changing_the_password_without_more_leaves_the_grants(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    frontend.tokens(person)
    body = {"currentPassword": PASSWORD, "newPassword": "another-horse-2"}
    assert person.browser.post("/change-password", json=body).status_code == 200
    assert live_grants(sqlite_service) == 1


def test_a_suspended_account_refreshes_nothing(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person, OFFLINE)["refresh_token"]
    sqlite_service.execute("UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'")
    assert frontend.refresh(token).json()["error"] == "invalid_grant"


def test_no_token_and_no_successor_is_stored_so_that_it_could_be_read(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)["refresh_token"]
    second = frontend.refresh(first).json()["refresh_token"]
    [row] = service.rows("SELECT * FROM refresh_token_families")
    for token in (first, second):
        for half in token.split("."):
            assert half not in repr([bytes(value) if isinstance(value, memoryview) else value for value in row])


def test_a_successor_is_forgotten_after_its_minute(service: Service) -> None:
    service.clock.stop()
    person, frontend = sign_up(service), register_frontend(service)
    frontend.refresh(frontend.tokens(person)["refresh_token"])
    for seconds, is_kept in ((30, True), (31, False)):
        service.clock.advance(seconds=seconds)
        run_expiry(service)
        assert service.rows("SELECT sealed_successor IS NULL FROM refresh_token_families") == [(not is_kept,)]


def test_the_successor_is_given_while_the_secret_rotates(start: Start, database_url: str) -> None:
    old, new = "1:cG5vZ3V0cm93eWVr-MJ4kq8Zt2vXw7Lr", "2:bmV3ZXJub3d0aGFu-ZQ8rp3Mw6tXk1Vs"
    service = start(database_url, AUTH_SECRET=old)
    person, frontend = sign_up(service), register_frontend(service)
    first = frontend.tokens(person)["refresh_token"]
    second = frontend.refresh(first).json()["refresh_token"]
    rotated = register_frontend(start(database_url, AUTH_SECRET=f"{new},{old}")).service
    again = type(frontend)(rotated, frontend.client_id).refresh(first)
    assert again.json()["refresh_token"] == second
    dropped = start(database_url, AUTH_SECRET=new)
    assert type(frontend)(dropped, frontend.client_id).refresh(first).json()["error"] == "invalid_grant"
    assert frontend.refresh(second).status_code == 200, "a successor that cannot be decrypted was treated as theft"


def test_a_seal_opens_in_its_own_place_alone() -> None:
    seal = Seal({1: "x" * 32}, "test")
    sealed = seal.seal("token", place="here")
    assert seal.open(sealed, place="here") == "token"
    assert seal.open(sealed, place="there") is None
    assert Seal({1: "x" * 32}, "other").open(sealed, place="here") is None
    assert Seal({2: "x" * 32}, "test").open(sealed, place="here") is None


def test_every_client_rotates(sqlite_service: Service) -> None:
    """RFC 9700 §4.14.2 requires it for public clients; here it applies to all."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    first = backend.tokens(person)["refresh_token"]
    assert backend.refresh(first, client_secret="x").status_code == 401
    assert backend.refresh(first).json()["refresh_token"] != first


def test_two_requests_at_once_get_one_successor(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    token = frontend.tokens(person)["refresh_token"]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(frontend.refresh, token) for _ in range(2)]
    assert len({answer.result().json()["refresh_token"] for answer in answers}) == 1


@pytest.mark.parametrize("kind", [RefreshTokenFamily, AuthorizationCode])
def test_whoever_asks_without_end_fills_nothing(service: Service, kind: type[Authorized]) -> None:
    """A client that authorizes silently in a loop must not fill the table. The rows in use are deleted last."""
    person, frontend = sign_up(service), register_frontend(service)
    used = frontend.tokens(person)["refresh_token"]
    key = kind.__mapper__.primary_key[0].name
    copied = ", ".join(column.name for column in kind.__table__.columns if column.name != key)
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)"
    service.execute(
        f"{numbers} INSERT INTO {kind.__tablename__} ({key}, {copied}) "
        f"SELECT CAST(i AS VARCHAR(64)), {copied} FROM n, {kind.__tablename__}"
    )
    service.clock.advance(seconds=2)
    used = frontend.refresh(used).json()["refresh_token"]
    frontend.tokens(person)
    assert service.rows(f"SELECT count(*) FROM {kind.__tablename__}") == [(100,)]
    assert frontend.refresh(used).status_code == 200
