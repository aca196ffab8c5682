"""Impersonation by token exchange (RFC 8693 §1.1): off by default, by a rule of its own, recorded and told."""

import json
from collections.abc import Iterator

import httpx2
import pytest

from auth_service.oauth.metadata_values import TOKEN_EXCHANGE
from auth_service.oauth.token_exchange import ExchangeRule, read_rules

from .browser import Browser
from .code_flow import API, Frontend, Person, register_frontend, sign_up
from .conftest import Running, Service, emptied
from .mail_scene import serving_mail
from .oauth_client import OAuthClient, claims_of, register
from .registry import RESOURCES
from .several_apis import BILLING, REPORTS, is_active, make_apis
from .test_password_reset import mails
from .test_token_exchange import error, exchanged, register_api


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    yield from serving_mail(request, tmp_path_factory)


@pytest.fixture
def apis(running: Running) -> Iterator[Service]:
    for service in emptied(running.service):
        make_apis(service)
        yield service


@pytest.fixture
def person(apis: Service) -> Person:
    person = sign_up(apis)
    apis.execute("UPDATE accounts SET email_verified = true")
    apis.execute("DELETE FROM outgoing_mails")
    return person


def impersonator(service: Service, own: str = API, target: str = BILLING, name: str = "Todos") -> OAuthClient:
    scope = {BILLING: "billing:read", REPORTS: "reports:read", API: "todos:read"}[target]
    rule = {"resource": target, "scope": scope, "impersonation": True}
    return register(
        service, grant_types=[TOKEN_EXCHANGE], protected_resource=own, exchange=[rule], scope="", client_name=name
    )


def token_of(person: Person, frontend: Frontend) -> str:
    return str(frontend.tokens(person)["access_token"])


def test_the_token_has_no_actor_and_ends_with_the_persons_grant(apis: Service, person: Person) -> None:
    """The client acts within its rule only, never with an identity scope, and cannot end the person's grant."""
    frontend, client, billing = register_frontend(apis), impersonator(apis), register(apis, protected_resource=BILLING)
    tokens = frontend.tokens(person)
    new = exchanged(client, tokens["access_token"])
    claims, before = claims_of(new), claims_of(tokens["access_token"])
    assert "act" not in claims
    assert (claims["sub"], claims["client_id"]) == (person.account_id, client.client_id)
    assert (claims["aud"], claims["scope"]) == (BILLING, "billing:read")
    assert (claims["exp"] <= before["exp"], claims["status"]) == (True, before["status"])
    assert [error(client, tokens["access_token"], scope=each) for each in ("openid", "billing:pay")] == [
        (400, "invalid_scope")
    ] * 2
    assert is_active(billing, new)
    userinfo = httpx2.get(f"{apis.url}/oauth/userinfo", headers={"Authorization": f"Bearer {new}"})
    assert userinfo.status_code in (401, 403)
    auth = (client.client_id, client.secret)
    assert httpx2.post(f"{apis.url}/oauth/revoke", data={"token": new}, auth=auth).status_code == 400
    assert is_active(billing, new)
    form = {"client_id": frontend.client_id, "token": tokens["refresh_token"]}
    assert httpx2.post(f"{apis.url}/oauth/revoke", data=form).status_code == 200
    assert not is_active(billing, new)
    assert error(client, tokens["access_token"]) == (400, "invalid_request")


def test_nothing_hides_an_actor(apis: Service, person: Person) -> None:
    """A token of a delegation is not traded by such a rule, and what comes of it is not traded on."""
    token = token_of(person, register_frontend(apis))
    delegated = exchanged(register_api(apis, API, billing="billing:read"), token)
    assert error(impersonator(apis, BILLING, REPORTS), delegated) == (400, "invalid_request")
    new = exchanged(impersonator(apis), token)
    for onward in (impersonator(apis, BILLING, REPORTS), register_api(apis, BILLING, reports="reports:read")):
        assert error(onward, new) == (400, "invalid_request")


def test_a_token_of_the_web_application_is_traded_too(apis: Service, person: Person) -> None:
    """Its index is that of the session."""
    billing, token = register(apis, protected_resource=BILLING), person.browser.get("/token").json()["token"]
    new = exchanged(impersonator(apis), token)
    assert is_active(billing, new)
    person.browser.post("/sign-out", json={})
    assert not is_active(billing, new)


def test_the_person_and_the_audit_trail_are_told(apis: Service, person: Person) -> None:
    """By mail once a day for a client; the trail has who acted, by whose token, where. Delegation tells nobody."""
    frontend = register_frontend(apis)
    client, other = impersonator(apis, name="Support"), impersonator(apis, name="Import")
    exchanged(register_api(apis, API, reports="reports:read"), token_of(person, frontend))
    for each in (client, client, other):
        exchanged(each, token_of(person, frontend))
    texts = mails(apis)
    assert [("Support" in text, "Import" in text, "Billing" in text) for text in texts] == [
        (True, False, True), (False, True, True),
    ]  # fmt: skip
    apis.clock.advance(days=1, minutes=1)
    exchanged(client, token_of(person, frontend))
    assert len(mails(apis)) == 1
    rows = apis.rows("SELECT account_id, client_id, facts FROM audit_events WHERE event = 'impersonated' ORDER BY id")
    facts = {"subject_client_id": frontend.client_id, "resource": BILLING, "scope": "billing:read"}
    by = [client.client_id, client.client_id, other.client_id, client.client_id]
    assert [(row[0], row[1], json.loads(row[2])) for row in rows] == [(person.account_id, each, facts) for each in by]
    page = Browser(apis).open("/signin").sign_in().open("/account").page
    assert "An application acted as you, by the operator's rule: Support" in page.text


def test_rows_are_bounded_and_an_unconfirmed_address_gets_no_mail(apis: Service, person: Person) -> None:
    """No row for each token: from the sixth of an hour on they are counted."""
    apis.clock.stop()
    apis.execute("UPDATE accounts SET email_verified = false")
    token, client = token_of(person, register_frontend(apis)), impersonator(apis)
    for _ in range(8):
        exchanged(client, token)
    counts = apis.rows("SELECT count FROM audit_events WHERE event = 'impersonated' ORDER BY id")
    assert [count for (count,) in counts] == [1, 1, 1, 1, 1, 3]
    assert apis.rows("SELECT kind FROM outgoing_mails") == []


def test_a_rule_that_does_not_impersonate_is_stored_as_before() -> None:
    """The version before this one reads it, too."""
    rule = {"resource": API, "scope": "todos:read"}
    off, on = (read_rules([{**rule, "impersonation": each}], RESOURCES)[0] for each in (False, True))
    assert (off.members(), on.members()) == (rule, {**rule, "impersonation": True})
    assert [ExchangeRule.restore(each.members()) for each in (off, on)] == [off, on]
