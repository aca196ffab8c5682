"""Token exchange (RFC 8693): an API acts at another one for the person who called it, as its operator has decided."""

import json
from typing import Any

import httpx2
import pytest

from auth_service.oauth.metadata_values import TOKEN_EXCHANGE
from auth_service.oauth.token_exchange import ACCESS_TOKEN

from .code_flow import API, Frontend, Person, register_backend, register_frontend, sign_up
from .conftest import Service
from .dpop_client import Prover
from .oauth_client import OAuthClient, claims_of, post, register
from .several_apis import BILLING, REPORTS, apis, is_active

__all__ = ["apis"]  # a fixture
JWT = "urn:ietf:params:oauth:token-type:jwt"


def register_api(service: Service, own: str, **rules: str) -> OAuthClient:
    """The client of an API that may act at others; `rules` are scopes by their names."""
    targets = {"billing": BILLING, "reports": REPORTS, "todos": API}
    exchange = [{"resource": targets[name], "scope": scope} for name, scope in rules.items()]
    return register(service, grant_types=[TOKEN_EXCHANGE], protected_resource=own, exchange=exchange, scope="")


def exchange(client: OAuthClient, token: str, **changes: Any) -> httpx2.Response:
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, **changes}
    kept = {name: value for name, value in form.items() if value is not None}
    return post(client.service, kept, auth=(client.client_id, client.secret))


def exchanged(client: OAuthClient, token: str, **changes: Any) -> str:
    response = exchange(client, token, **changes)
    assert response.status_code == 200, response.text
    return str(response.json()["access_token"])


def error(client: OAuthClient, token: str, **changes: Any) -> tuple[int, str]:
    response = exchange(client, token, **changes)
    return response.status_code, response.json().get("error")


@pytest.fixture
def person(apis: Service) -> Person:
    return sign_up(apis)


def token_of(person: Person, frontend: Frontend) -> str:
    return str(frontend.tokens(person)["access_token"])


def test_an_api_acts_at_another_one_for_its_caller(apis: Service, person: Person) -> None:
    """RFC 8693 §2.2.1, §4.1; RFC 9068 §2.2: the person's sign-in, the actor, the scopes asked for."""
    frontend, client = register_frontend(apis), register_api(apis, API, billing="billing:read billing:pay")
    token = token_of(person, frontend)
    response = exchange(client, token, resource=BILLING, scope="billing:read")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    body = response.json()
    assert body | {"access_token": ""} == {
        "access_token": "", "token_type": "Bearer", "issued_token_type": ACCESS_TOKEN, "scope": "billing:read",
        "expires_in": body["expires_in"],
    }  # fmt: skip
    before, after = claims_of(token), claims_of(body["access_token"])
    kept = ("iss", "sub", "sid", "auth_time", "acr", "amr", "status")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["aud"], after["client_id"], after["scope"]) == (BILLING, client.client_id, "billing:read")
    assert after["act"] == {"sub": client.client_id}
    assert after["jti"] != before["jti"]
    assert claims_of(exchanged(client, token))["scope"] == "billing:read billing:pay"  # the only rule, all of it
    assert claims_of(exchanged(client, token, audience=BILLING))["aud"] == BILLING


def test_it_never_lives_longer_than_what_it_was_traded_for(apis: Service, person: Person) -> None:
    """Nor longer than its own API allows."""
    apis.clock.stop()
    client = register_api(apis, API, billing="billing:read", reports="reports:read")
    token = token_of(person, register_frontend(apis))
    apis.clock.advance(minutes=3)
    response = exchange(client, token, resource=BILLING)
    assert (claims_of(response.json()["access_token"])["exp"], response.json()["expires_in"]) == (
        claims_of(token)["exp"], 120,
    )  # fmt: skip
    assert exchange(client, token, resource=REPORTS).json()["expires_in"] == 60
    apis.clock.advance(seconds=119)
    assert exchange(client, token, resource=BILLING).json()["expires_in"] == 1
    apis.clock.advance(seconds=1)
    assert error(client, token, resource=BILLING) == (400, "invalid_request")


def test_what_cannot_be_traded_is_refused(apis: Service, person: Person) -> None:
    """RFC 8693 §2.2.2, RFC 6749 §5.2. Whatever is wrong with the token has one answer."""
    frontend = register_frontend(apis, scope="openid todos:read billing:read")
    client, other = register_api(apis, API, billing="billing:read"), register_api(apis, REPORTS, todos="todos:read")
    tokens = frontend.tokens(person, scope="openid todos:read")
    token = tokens["access_token"]
    robot = register(apis, scope="todos:read").token().json()["access_token"]
    billing = frontend.refresh(tokens["refresh_token"], resource=BILLING)
    of_billing = billing.json().get("access_token", "")
    wrong = {
        "another API's client": error(other, token),
        "a token for another API": error(client, of_billing),
        "a service's own token": error(client, robot),
        "an ID token": error(client, tokens["id_token"]),
        "a refresh token": error(client, tokens["refresh_token"]),
        "unknown": error(client, "x"),
        "tampered": error(client, token[:-4] + "AAAA"),
        "long": error(client, "x" * 9000),
    }
    assert wrong == dict.fromkeys(wrong, (400, "invalid_request"))
    assert len({exchange(each, text).text for each, text in ((other, token), (client, robot), (client, "x"))}) == 1
    malformed = {
        "no token": error(client, token, subject_token=None),
        "no type": error(client, token, subject_token_type=None),
        "a type of any JWT": error(client, token, subject_token_type=JWT),
        "an ID token's type": error(client, token, subject_token_type="urn:ietf:params:oauth:token-type:id_token"),
        "a refresh token wanted": error(
            client, token, requested_token_type="urn:ietf:params:oauth:token-type:refresh_token"
        ),
        "another actor": error(client, token, actor_token=token, actor_token_type=ACCESS_TOKEN),
        "an actor's type alone": error(client, token, actor_token_type=ACCESS_TOKEN),
    }
    assert malformed == dict.fromkeys(malformed, (400, "invalid_request"))
    targets = {
        "no rule": error(client, token, resource=REPORTS),
        "its own API": error(client, token, resource=API),
        "the issuer": error(client, token, resource="http://localhost:8080"),
        "unknown": error(client, token, audience="https://api.example.com/"),
        "two": error(client, token, resource=BILLING, audience=REPORTS),
    }
    assert targets == dict.fromkeys(targets, (400, "invalid_target"))
    widened = {
        name: error(client, token, scope=name) for name in ("billing:pay", "openid", "todos:read", "billing:read x")
    }
    assert widened == dict.fromkeys(widened, (400, "invalid_scope"))


def test_only_a_client_with_a_rule_exchanges(apis: Service, person: Person) -> None:
    backend = register_backend(apis)
    token = token_of(person, backend)
    form = {"subject_token": token, "subject_token_type": ACCESS_TOKEN}
    assert backend.ask(grant_type=TOKEN_EXCHANGE, **form).json()["error"] == "unauthorized_client"
    client = register_api(apis, API, billing="billing:read")
    bare = post(apis, {"grant_type": TOKEN_EXCHANGE, "client_id": client.client_id, **form})
    assert (bare.status_code, bare.json()["error"]) == (401, "invalid_client")


def test_actors_follow_each_other_three_deep_and_not_in_a_circle(apis: Service, person: Person) -> None:
    """RFC 8693 §4.1: the current actor is the outermost one."""
    clients = [
        register_api(apis, own, **{target: f"{target}:read"})
        for own, target in ((API, "billing"), (BILLING, "reports"), (REPORTS, "todos"), (API, "billing"))
    ]
    token = token_of(person, register_frontend(apis))
    for client in clients[:3]:
        token = exchanged(client, token)
    act = claims_of(token)["act"]
    ids = [client.client_id for client in clients]
    assert act == {"sub": ids[2], "act": {"sub": ids[1], "act": {"sub": ids[0]}}}
    assert error(clients[0], token) == (400, "invalid_request")  # it has acted already
    assert error(clients[3], token) == (400, "invalid_request")  # it would be the fourth


@pytest.mark.parametrize("end", ["sign-out", "revocation", "suspension", "deletion", "consent"])
def test_what_ends_the_persons_grant_ends_the_exchanged_token(apis: Service, person: Person, end: str) -> None:
    """At the issuer at once. At APIs by the status list, whose index both tokens have."""
    frontend, billing = register_frontend(apis), register(apis, protected_resource=BILLING)
    client = register_api(apis, API, billing="billing:read")
    tokens = frontend.tokens(person)
    new = exchanged(client, tokens["access_token"])
    assert is_active(billing, new)
    assert is_active(client, new)
    if end == "sign-out":
        person.browser.post("/sign-out", json={})
    elif end == "revocation":
        form = {"client_id": frontend.client_id, "token": tokens["refresh_token"]}
        assert httpx2.post(f"{apis.url}/oauth/revoke", data=form).status_code == 200
    elif end == "suspension":
        assert apis.command("users", "suspend", "ann@example.com", "--yes").returncode == 0
    elif end == "deletion":
        assert apis.command("users", "delete", "ann@example.com", "--yes").returncode == 0
    else:
        done = apis.command("consents", "withdraw", "ann@example.com", frontend.client_id, "--yes")
        assert done.returncode == 0, done.stderr
    assert not is_active(billing, new)
    assert error(client, tokens["access_token"]) == (400, "invalid_request")


def test_a_token_of_the_web_application_is_exchanged_too(apis: Service, person: Person) -> None:
    """Its holder is the session, not a grant."""
    client, billing = register_api(apis, API, billing="billing:read"), register(apis, protected_resource=BILLING)
    new = exchanged(client, person.browser.get("/token").json()["token"])
    assert is_active(billing, new)
    person.browser.post("/sign-out", json={})
    assert not is_active(billing, new)


def test_an_exchanged_token_opens_no_userinfo_and_is_not_revoked_by_its_holder(apis: Service, person: Person) -> None:
    """RFC 7009 §2.2.1. The actor must not be able to sign the person out of their own client."""
    frontend, client = register_frontend(apis), register_api(apis, API, billing="billing:read")
    tokens = frontend.tokens(person)
    new = exchanged(client, tokens["access_token"])
    userinfo = httpx2.get(f"{apis.url}/oauth/userinfo", headers={"Authorization": f"Bearer {new}"})
    assert userinfo.status_code in (401, 403)
    auth = (client.client_id, client.secret)
    answer = httpx2.post(f"{apis.url}/oauth/revoke", data={"token": new}, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_token_type")
    assert frontend.refresh(tokens["refresh_token"]).status_code == 200


def test_a_token_that_is_bound_to_a_key_is_exchanged_for_the_actors_key(apis: Service, person: Person) -> None:
    """RFC 9449: the new token is bound to the key that the actor proves, or to none."""
    client, callers, own = register_api(apis, API, billing="billing:read"), Prover(apis), Prover(apis, "ec-actor")
    frontend = register_frontend(apis)
    form = {"grant_type": "authorization_code", "code": frontend.authorize(person), "client_id": frontend.client_id}
    form |= {
        "redirect_uri": "https://app.example.com/callback",
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    token = httpx2.post(f"{apis.url}/oauth/token", data=form, headers=callers.header()).json()["access_token"]
    assert claims_of(token)["cnf"] == {"jkt": callers.jkt}
    assert "cnf" not in claims_of(exchanged(client, token))
    asked = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
    answer = post(apis, asked, auth=(client.client_id, client.secret), headers=own.header()).json()
    assert (answer["token_type"], claims_of(answer["access_token"])["cnf"]) == ("DPoP", {"jkt": own.jkt})


def test_a_removed_api_or_scope_leaves_no_rule(apis: Service, person: Person) -> None:
    """Nothing that is registered later under its name inherits it."""
    client = register_api(apis, API, billing="billing:read billing:pay", reports="reports:read")
    token = token_of(person, register_frontend(apis))
    less = {"resource": BILLING, "name": "Billing", "scopes": {"billing:read": "See your invoices"}}
    assert apis.command("resources", "update", BILLING, "--yes", stdin=json.dumps(less)).returncode == 0
    assert apis.command("resources", "delete", REPORTS, "--yes").returncode == 0
    apis.forget()
    shown = json.loads(apis.command("clients", "show", client.client_id).stdout)
    assert shown["exchange"] == [{"resource": BILLING, "scope": "billing:read"}]
    assert claims_of(exchanged(client, token))["scope"] == "billing:read"
    assert error(client, token, resource=REPORTS) == (400, "invalid_target")


def test_the_roles_are_the_persons_at_the_new_api(apis: Service, person: Person) -> None:
    """Not those of the actor, nor those at the API that was called."""
    more = {
        "resource": BILLING, "name": "Billing", "scopes": {"billing:read": "See", "billing:pay": "Pay"},
        "roles": {"accountant": "Sees everybody's invoices"},
    }  # fmt: skip
    assert apis.command("resources", "update", BILLING, "--yes", stdin=json.dumps(more)).returncode == 0
    granted = apis.command("roles", "grant", "ann@example.com", "accountant", "--resource", BILLING)
    assert granted.returncode == 0, granted.stderr
    apis.forget()
    client = register_api(apis, API, billing="billing:read")
    assert claims_of(exchanged(client, token_of(person, register_frontend(apis))))["roles"] == ["accountant"]
