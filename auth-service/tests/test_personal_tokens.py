"""Personal access tokens: exchanged at the token endpoint for minutes of access, and accepted nowhere else."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from auth_service.oauth.metadata_values import TOKEN_EXCHANGE
from auth_service.oauth.token_exchange import ACCESS_TOKEN, PERSONAL_TOKEN
from auth_service.tokens import personal_tokens, personal_values

from .browser import Browser, signed_in
from .code_flow import API, Person, live_grants, register_frontend, sign_up
from .conftest import PASSWORD, Service, Start
from .dpop_client import Prover
from .factor_scene import protect
from .oauth_client import claims_of, post, register
from .several_apis import BILLING, apis, is_active
from .statements import statements
from .test_expiry import run_expiry
from .test_passkey_pages import AUTHENTICATE, add, options
from .test_token_exchange import error as exchange_error
from .test_token_exchange import register_api

__all__ = ["apis"]  # a fixture
MADE = ("--name", "Nightly", "--resource", API, "--scope", "todos:read", "--lifetime", "P30D")


def make(service: Service, *changes: str, who: str = "ann@example.com") -> dict[str, Any]:
    done = service.command("tokens", "create", who, *MADE, *changes)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def trade(service: Service, token: str, headers: dict[str, str] | None = None, **changes: Any) -> httpx2.Response:
    form = {"grant_type": TOKEN_EXCHANGE, "client_id": "personal", "subject_token": token, **changes}
    form = {"subject_token_type": PERSONAL_TOKEN, **form}
    return post(service, {name: value for name, value in form.items() if value is not None}, headers=headers)


def error(service: Service, token: str, **changes: Any) -> tuple[int, str]:
    answer = trade(service, token, **changes)
    return answer.status_code, answer.json().get("error")


@pytest.fixture
def person(service: Service) -> Person:
    return sign_up(service)


def test_a_script_gets_minutes_of_access_for_its_person(service: Service, person: Person) -> None:
    """RFC 8693 §2.2.1, RFC 9068 §2.2. No session, no second factor, and an old sign-in: step-up fails (RFC 9470)."""
    made = make(service, "--scope", "todos:read todos:write")
    assert re.fullmatch(r"aspat_[0-9A-Za-z]{49}", made["personal_access_token"])
    answer = trade(service, made["personal_access_token"], scope="todos:read")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    body = answer.json()
    assert body | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "issued_token_type": ACCESS_TOKEN, "scope": "todos:read",
        "expires_in": 300,
    }  # fmt: skip
    claims = claims_of(body["access_token"])
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (person.account_id, "personal", API)
    assert (claims["auth_time"], claims["acr"], claims["amr"]) == (0, "aal1", [])
    assert not claims.keys() & {"sid", "act"}
    checker = register(service, protected_resource=API)
    assert is_active(checker, body["access_token"])
    listed = json.loads(service.command("tokens", "list", "--user", "ann@example.com").stdout)
    assert (listed["id"], listed["name"], bool(listed["last_used_at"])) == (made["id"], "Nightly", True)


def test_a_token_is_stored_as_its_hash_and_has_a_checksum(service: Service, person: Person) -> None:
    token = make(service)["personal_access_token"]
    stored = str([service.rows(f"SELECT * FROM {table}") for table in ("personal_tokens", "grants", "audit_events")])
    assert token not in stored
    assert token.removeprefix("aspat_")[:20] not in stored
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert (personal_values.is_one(token), personal_values.is_one(wrong)) == (True, False)


def test_what_a_token_does_not_open(apis: Service) -> None:
    """Everything but its own exchange: an API, another client, another kind, another API, more scopes."""
    sign_up(apis)
    token = make(apis)["personal_access_token"]
    client, backend = register_api(apis, API, billing="billing:read"), register_frontend(apis)
    userinfo = httpx2.get(f"{apis.url}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert userinfo.status_code == 401
    assert not is_active(register(apis, protected_resource=API), token)
    assert exchange_error(client, token) == (400, "invalid_request")
    assert exchange_error(client, token, subject_token_type=PERSONAL_TOKEN) == (400, "invalid_request")
    form = {"subject_token": token, "subject_token_type": PERSONAL_TOKEN}
    assert backend.ask(grant_type=TOKEN_EXCHANGE, **form).json()["error"] == "unauthorized_client"
    told = {
        "as an access token": error(apis, token, subject_token_type=ACCESS_TOKEN),
        "without its type": error(apis, token, subject_token_type=None),
        "without a token": error(apis, token, subject_token=None),
        "unknown": error(apis, personal_values.draw()),
        "cut": error(apis, token[:-1]),
        "not ASCII": error(apis, token[:-1] + "\u00e9"),
        "long": error(apis, token * 50),
        "for an actor": error(apis, token, actor_token=token, actor_token_type=ACCESS_TOKEN),
        "a refresh token wanted": error(
            apis, token, requested_token_type="urn:ietf:params:oauth:token-type:refresh_token"
        ),
    }
    assert told == dict.fromkeys(told, (400, "invalid_request"))
    assert error(apis, token, resource=BILLING) == (400, "invalid_target")
    assert error(apis, token, audience="http://localhost:8080") == (400, "invalid_target")
    for scope in ("todos:write", "openid", "billing:read"):
        assert error(apis, token, scope=scope) == (400, "invalid_scope")
    assert error(apis, token, client_id=None) == (401, "invalid_client")
    assert error(apis, token, client_secret="x") == (401, "invalid_client")


@pytest.mark.parametrize("grant_type", ["client_credentials", "authorization_code", "refresh_token"])
def test_the_reserved_client_has_no_other_grant(service: Service, person: Person, grant_type: str) -> None:
    make(service)
    answer = post(service, {"grant_type": grant_type, "client_id": "personal", "code": "x", "refresh_token": "x"})
    assert answer.json()["error"] == "unauthorized_client"
    page = httpx2.get(
        f"{service.url}/oauth/authorize", params={"client_id": "personal", "redirect_uri": "https://a.b/"}
    )
    assert (page.status_code, "Unknown application" in page.text) == (400, True)
    begun = httpx2.post(f"{service.url}/oauth/device_authorization", data={"client_id": "personal"})
    assert begun.json()["error"] == "unauthorized_client"


def test_an_operator_cannot_change_or_provision_the_reserved_client(service: Service, person: Person) -> None:
    make(service)
    metadata = json.dumps({"client_name": "x", "redirect_uris": ["https://a.example.com/"]})
    for command in ("update", "provision"):
        assert service.command("clients", command, "personal", stdin=metadata).returncode == 1


def test_a_token_is_made_only_for_what_its_person_may_do(apis: Service) -> None:
    """Scopes of the API that signing in at `web` gives; an expiry; a name. Nothing is stored otherwise."""
    sign_up(apis)
    refused = {
        "nobody": ("bob@example.com", MADE),
        "an identity scope": ("ann@example.com", (*MADE, "--scope", "openid")),
        "another API's scope": ("ann@example.com", (*MADE, "--scope", "billing:read")),
        "an API that web does not have": ("ann@example.com", (*MADE, "--resource", BILLING, "--scope", "billing:read")),
        "an unknown API": ("ann@example.com", (*MADE, "--resource", "https://api.example.com/x")),
        "the issuer": ("ann@example.com", (*MADE, "--resource", "http://localhost:8080")),
        "for ever": ("ann@example.com", (*MADE, "--lifetime", "P400D")),
        "no time": ("ann@example.com", (*MADE, "--lifetime", "PT0S")),
        "no scope": ("ann@example.com", (*MADE, "--scope", "")),
        "a name that moves the cursor": ("ann@example.com", (*MADE, "--name", "a\x1b[2J")),
    }
    told = {name: apis.command("tokens", "create", who, *how).returncode for name, (who, how) in refused.items()}
    assert told == dict.fromkeys(refused, 1)
    assert apis.command("tokens", "create", "ann@example.com", *MADE[:-2]).returncode == 2
    assert apis.rows("SELECT * FROM personal_tokens") == []


END: dict[str, Callable[[Service, dict[str, Any]], object]] = {
    "its expiry": lambda service, _: service.clock.advance(days=30),
    "its revocation": lambda service, made: service.command("tokens", "revoke", made["id"], "--yes"),
    "its finder": lambda service, made: httpx2.post(
        f"{service.url}/oauth/revoke", data={"client_id": "personal", "token": made["personal_access_token"]}
    ),
    "a reset": lambda service, _: service.command(
        "users", "set-password", "ann@example.com", stdin="another-1-horse\n"
    ),
    "suspension": lambda service, _: service.command("users", "suspend", "ann@example.com", "--yes"),
    "deletion": lambda service, _: service.command("users", "delete", "ann@example.com", "--yes"),
    "the end of all": lambda service, _: service.command("clients", "delete", "personal", "--yes"),
}


@pytest.mark.parametrize("end", END)
def test_what_ends_a_token_ends_what_it_was_traded_for(service: Service, person: Person, end: str) -> None:
    """At the issuer at once. At APIs by the index of its grant."""
    made, checker = make(service), register(service, protected_resource=API)
    other = make(service, "--name", "Other")
    token = trade(service, made["personal_access_token"]).json()["access_token"]
    assert is_active(checker, token)
    END[end](service, made)
    service.forget()
    status, told = error(service, made["personal_access_token"])
    assert (status, told) in ((400, "invalid_request"), (401, "invalid_client"))
    assert not is_active(checker, token)
    if end in ("its revocation", "its finder"):
        assert trade(service, other["personal_access_token"]).status_code == 200


def test_a_restored_backup_brings_no_token_back(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    sign_up(service)
    token = make(service)["personal_access_token"]
    assert service.command("restore", "--yes").returncode == 0
    assert error(service, token) == (400, "invalid_request")


def test_what_a_token_was_traded_for_ends_with_it(service: Service, person: Person) -> None:
    service.clock.stop()
    token = make(service, "--lifetime", "PT10M")["personal_access_token"]
    service.clock.advance(minutes=9)
    body = trade(service, token).json()
    assert 50 <= body["expires_in"] <= 60
    assert claims_of(body["access_token"])["exp"] - claims_of(body["access_token"])["iat"] == body["expires_in"]


def test_what_a_token_is_traded_for_lives_five_minutes_at_most(service: Service, person: Person) -> None:
    """Also at an API whose tokens live longer: a script asks again, and so it is noticed when its token ends."""
    api = json.loads(service.command("resources", "show", API).stdout)
    longer = service.command("resources", "update", API, stdin=json.dumps({**api, "access_token_ttl": "PT1H"}))
    assert longer.returncode == 0, longer.stderr
    token = make(service)["personal_access_token"]
    service.forget()
    assert register_frontend(service).tokens(person)["expires_in"] == 3600
    assert trade(service, token).json()["expires_in"] == 300


def test_a_removed_scope_is_lost_and_a_narrower_web_narrows(service: Service, person: Person) -> None:
    token = make(service, "--scope", "todos:read todos:write")["personal_access_token"]
    web = json.loads(service.command("clients", "show", "web").stdout)
    done = service.command("clients", "update", "web", stdin=json.dumps({**web, "scope": "todos:read"}))
    assert done.returncode == 0, done.stderr
    service.forget()
    assert trade(service, token).json()["scope"] == "todos:read"
    less = {"resource": API, "name": "Todos", "scopes": {"todos:write": "Write"}, "identity": True}
    assert service.command("resources", "update", API, "--yes", stdin=json.dumps(less)).returncode == 0
    service.forget()
    assert service.rows("SELECT scope FROM personal_tokens") == [("todos:write",)]
    assert error(service, token, scope="todos:read") == (400, "invalid_scope")


def test_a_token_that_is_not_used_stays_until_it_expires(service: Service, person: Person) -> None:
    """Its grant has neither a session, nor a code, nor a refresh token."""
    token = make(service)["personal_access_token"]
    service.clock.advance(days=10)
    run_expiry(service)
    assert trade(service, token).status_code == 200
    service.clock.advance(days=21)
    run_expiry(service)
    assert service.rows("SELECT * FROM personal_tokens") == []
    assert live_grants(service) == 0


def test_an_account_has_a_bounded_number(service: Service, person: Person, monkeypatch: Any) -> None:
    monkeypatch.setattr(personal_tokens, "MAX_PER_ACCOUNT", 2)
    first, _ = make(service), make(service)
    assert service.command("tokens", "create", "ann@example.com", *MADE).returncode == 1
    service.command("tokens", "revoke", first["id"], "--yes")
    make(service)


def test_a_key_that_is_proved_binds_what_a_token_is_traded_for(service: Service, person: Person) -> None:
    """RFC 9449."""
    prover = Prover(service)
    body = trade(service, make(service)["personal_access_token"], prover.header()).json()
    assert (body["token_type"], claims_of(body["access_token"])["cnf"]) == ("DPoP", {"jkt": prover.jkt})


def own_page(service: Service, email: str = "ann@example.com") -> Browser:
    return signed_in(service, email).open("/personal-tokens")


def fill_in(browser: Browser, **changes: str | None) -> Browser:
    filled = {"name": "Nightly", "scope.todos:read": "yes", "days": "30", "password": PASSWORD, **changes}
    return browser.press("token-form", "make-token", **filled)


def shown_token(browser: Browser) -> str:
    found = re.search(r'id="personal-access-token">(aspat_\w+)<', browser.last.text)
    assert found is not None, browser.last.text
    return found[1]


def test_a_person_makes_a_token_sees_its_use_and_removes_it(service: Service) -> None:
    """It is shown once. Its `auth_time` is that of its making, by the password."""
    browser = own_page(service)
    assert "no-tokens" in browser.page.elements
    token = shown_token(fill_in(browser))
    claims = claims_of(trade(service, token).json()["access_token"])
    assert (service.clock().timestamp() - claims["auth_time"] < 60, claims["amr"]) == (True, ["pwd"])
    browser.open("/personal-tokens")
    assert token not in browser.last.text
    assert "Last used today" in browser.page.text
    [[token_id]] = service.rows("SELECT id FROM personal_tokens")
    assert "no-tokens" in browser.press(f"revoke-form-{token_id}", f"revoke-{token_id}").page.elements
    assert error(service, token) == (400, "invalid_request")
    trail = service.rows("SELECT event FROM audit_events WHERE event LIKE 'personal_token%' ORDER BY id")
    assert trail == [("personal_token_created",), ("personal_token_revoked",)]


def test_an_account_without_a_password_and_a_passkey_makes_none(sqlite_service: Service) -> None:
    browser = own_page(sqlite_service)
    kept = browser.last
    sqlite_service.execute("DELETE FROM identities")
    page = browser.open("/personal-tokens").page
    assert ("no-means" in page.elements, "token-form" in page.forms) == (True, False)
    browser.last = kept
    assert fill_in(browser).last.status_code == 403
    assert sqlite_service.rows("SELECT * FROM personal_tokens") == []


NOT_MADE: dict[str, tuple[dict[str, str | None], int]] = {
    "a wrong password": ({"password": "wrong-password"}, 403),
    "no password": ({"password": None}, 403),
    "no name": ({"name": " "}, 422),
    "a name that turns around": ({"name": "a\u202eb"}, 422),
    "no scope": ({"scope.todos:read": None}, 422),
    "an unknown scope": ({"scope.todos:read": None, "scope.openid": "yes"}, 422),
    "no end": ({"days": None}, 422),
    "for ever": ({"days": "100000"}, 422),
    "another form's token": ({"form_token": "0" * 64}, 403),
}


@pytest.mark.parametrize("name", NOT_MADE)
def test_a_form_that_is_not_right_makes_nothing(sqlite_service: Service, name: str) -> None:
    changes, status = NOT_MADE[name]
    browser = fill_in(own_page(sqlite_service), **changes)
    assert (browser.last.status_code, "error" in browser.page.elements) == (status, True)
    assert sqlite_service.rows("SELECT * FROM personal_tokens") == []


def test_a_token_is_seen_and_removed_at_the_account_too(service: Service) -> None:
    """With its API, its scopes and its last use, which costs a statement once an hour at most."""
    service.clock.stop()
    browser = own_page(service)
    token = shown_token(fill_in(browser))
    [[token_id]] = service.rows("SELECT id FROM personal_tokens")
    trade(service, token)
    service.execute("UPDATE personal_tokens SET name = 'Seen'")
    with statements() as seen:
        trade(service, token)
    assert [each for each in seen if each.startswith("UPDATE personal_tokens")] == []
    shown = browser.open("/account").page.text
    assert "Seen Your own token for Todos: Read your todos. Made today. Last used today." in shown
    other = own_page(service, "bob@example.com").open("/account")
    forged = {**other.fields("export-form")[1], "change": "end-token", "token": token_id}
    assert other.post("/account", **forged).path == "/account"
    assert trade(service, token).status_code == 200, "it is somebody else's"
    browser.press(f"end-token-form-{token_id}", f"end-token-{token_id}")
    assert (browser.path, "changed" in browser.page.elements) == ("/account", True)
    assert error(service, token) == (400, "invalid_request")


def test_a_person_sees_and_removes_only_their_own(sqlite_service: Service) -> None:
    fill_in(own_page(sqlite_service))
    [[token_id]] = sqlite_service.rows("SELECT id FROM personal_tokens")
    browser = own_page(sqlite_service, "bob@example.com")
    assert token_id not in browser.last.text
    _, fields = browser.fields("token-form")
    browser.post("/personal-tokens", form_token=fields["form_token"], revoke=token_id)
    assert live_grants(sqlite_service) == 1
    assert Browser(sqlite_service).open("/personal-tokens").path == "/signin"


def test_a_passkey_makes_one_and_a_second_factor_is_asked_for(sqlite_service: Service) -> None:
    """Whoever has the token proves nothing, so its `acr` stays aal1, and its `amr` has no `mfa`."""
    browser = signed_in(sqlite_service)
    credential = add(browser)
    sqlite_service.execute("UPDATE accounts SET second_factor_required_at = created_at")
    refused = fill_in(browser.open("/personal-tokens"))
    assert (refused.last.status_code, "has to have a second factor" in refused.page.text) == (403, True)
    answer = json.dumps(credential.sign_in(options(browser, AUTHENTICATE)))
    claims = claims_of(trade(sqlite_service, shown_token(fill_in(browser, passkey=answer))).json()["access_token"])
    assert (claims["acr"], claims["amr"]) == ("aal1", ["swk", "user"])
    assert fill_in(browser.open("/personal-tokens"), passkey=answer).last.status_code == 403, "an answer counts once"
    app = protect(sqlite_service)
    assert fill_in(browser.open("/personal-tokens"), code=app.wrong()).last.status_code == 403
    shown_token(fill_in(browser, code=app.wait()))
