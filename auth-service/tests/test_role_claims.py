"""Roles and groups in tokens: whose, at which API, and how soon a change is in them (RFC 9068 §2.2.3.1)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from auth_service.oauth.access_token import AccessToken, Authentication
from auth_service.oauth.status_list import StatusReference
from auth_service.roles import bounds
from auth_service.tokens.access_tokens import MAX_LENGTH

from .browser import Browser, signed_in
from .code_flow import Frontend, register_frontend
from .conftest import PASSWORD, Service
from .oauth_client import claims_of, encode, register
from .registry import API
from .statements import statements
from .test_roles import BILLING, EMAIL, role, run, with_api

SCOPE = "openid email offline_access roles groups todos:read billing:read"


def named(token: str) -> tuple[Any, Any]:
    claims = claims_of(token)
    return claims.get("roles"), claims.get("groups")


def scene(service: Service) -> Browser:
    """Two APIs with a role of the same name each; only billing is told of groups. Ann is an auditor there."""
    with_api(service)
    todos = run(service, "resources", "show", API)[0]
    run(service, "resources", "update", API, stdin={**todos, "roles": {"auditor": "Reads all todos"}})
    run(service, "groups", "create", "staff")
    browser = signed_in(service, EMAIL)
    role(service, "grant", EMAIL, "auditor")
    run(service, "groups", "grant", EMAIL, "staff")
    return browser


def frontend_of(service: Service, **changes: Any) -> Frontend:
    return register_frontend(service, **{"scope": SCOPE, "first_party": True, "default_resource": BILLING, **changes})


def code_of(browser: Browser, frontend: Frontend, **asked: Any) -> str:
    code: str = browser.authorize(frontend, **{"scope": SCOPE, **asked}).answer["code"]
    return code


def test_a_persons_token_names_the_roles_at_its_audience_and_the_groups_where_the_api_wants_them(
    service: Service,
) -> None:
    browser, frontend = scene(service), frontend_of(service)
    first = frontend.redeem(code_of(browser, frontend), resource=BILLING).json()
    assert named(first["access_token"]) == (["auditor"], ["staff"])
    second = frontend.refresh(first["refresh_token"], resource=API).json()
    assert named(second["access_token"]) == (None, None), "ann has no role at the other API"
    run(service, "roles", "grant", EMAIL, "auditor", "--resource", API)
    role(service, "grant", EMAIL, "accountant")
    third = frontend.refresh(second["refresh_token"], resource=BILLING).json()
    assert named(third["access_token"]) == (["accountant", "auditor"], ["staff"])
    run(service, "groups", "revoke", EMAIL, "staff")
    role(service, "revoke", EMAIL, "auditor")
    fourth = frontend.refresh(third["refresh_token"], resource=BILLING).json()
    assert named(fourth["access_token"]) == (["accountant"], None)
    fifth = frontend.refresh(fourth["refresh_token"], resource=API).json()
    assert named(fifth["access_token"]) == (["auditor"], None)


def test_id_token_and_userinfo_have_them_by_scope_at_the_clients_default_api(service: Service) -> None:
    browser = scene(service)

    def told(frontend: Frontend, **asked: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        issued = frontend.redeem(code_of(browser, frontend, **asked), resource=API).json()
        headers = {"Authorization": f"Bearer {issued['access_token']}"}
        body = httpx2.get(f"{service.url}/oauth/userinfo", headers=headers).json()
        return named(issued["id_token"]), (body.get("roles"), body.get("groups"))

    default, other = frontend_of(service), frontend_of(service, default_resource=API)
    both, nothing = (["auditor"], ["staff"]), (None, None)
    assert told(default) == (both, both)
    assert told(default, scope="openid groups todos:read billing:read") == ((None, ["staff"]), (None, ["staff"]))
    assert told(default, scope="openid email todos:read billing:read") == (nothing, nothing)
    assert told(other) == ((None, ["staff"]), (None, ["staff"])), "no role at its default API"
    assert told(frontend_of(service, id_token_claims="minimal")) == (nothing, both)
    asked = json.dumps({"id_token": {"roles": None}, "userinfo": {"groups": None}})
    by_name = told(default, scope="openid todos:read billing:read", claims=asked)
    assert by_name == ((["auditor"], None), (None, ["staff"]))
    scope = "openid todos:read billing:read"
    assert told(frontend_of(service, scope=scope), scope=scope, claims=asked) == (nothing, nothing)


def test_a_service_has_its_own_roles_and_no_groups(service: Service) -> None:
    scene(service)
    robot = register(service, scope="billing:read todos:read")
    assert role(service, "grant", robot.client_id, "accountant") == "granted"
    assert named(robot.token(resource=BILLING).json()["access_token"]) == (["accountant"], None)
    assert named(robot.token(resource=API).json()["access_token"]) == (None, None)
    assert "roles" not in robot.token(scope="roles").json().get("scope", "")
    introspected = httpx2.post(
        f"{service.url}/oauth/introspect",
        data={"token": robot.token(resource=BILLING).json()["access_token"]},
        auth=(robot.client_id, robot.secret),
    ).json()
    assert introspected["roles"] == ["accountant"]


def test_a_services_token_needs_no_database_read_while_its_client_is_cached(service: Service) -> None:
    scene(service)
    robot = register(service, scope="billing:read")
    role(service, "grant", robot.client_id, "accountant")
    robot.token()
    with statements() as read:
        issued = robot.token().json()["access_token"]
    assert named(issued) == (["accountant"], None)
    assert not [statement for statement in read if "clients" in statement or "roles" in statement]


def test_another_process_names_a_services_new_role_within_five_seconds(service: Service) -> None:
    scene(service)
    robot = register(service, scope="billing:read")
    assert named(robot.token().json()["access_token"])[0] is None
    service.command("roles", "grant", robot.client_id, "auditor", "--resource", BILLING)
    service.clock.advance(seconds=5)
    assert named(robot.token().json()["access_token"])[0] == ["auditor"]


def test_tokens_of_the_better_auth_protocol_have_them_too(service: Service) -> None:
    scene(service)
    web = run(service, "clients", "show", "web")[0]
    run(service, "clients", "update", "web", stdin={**web, "scope": "billing:read", "default_resource": BILLING})
    browser = service.client()
    browser.post("/sign-in/email", json={"email": EMAIL, "password": PASSWORD})
    assert named(browser.get("/token").json()["token"]) == (["auditor"], ["staff"])
    role(service, "revoke", EMAIL, "auditor")
    service.clock.advance(seconds=1)
    assert named(browser.get("/get-session").headers["set-auth-jwt"]) == (None, ["staff"])


def test_people_are_asked_before_a_client_reads_their_roles(service: Service) -> None:
    browser, frontend = scene(service), frontend_of(service, first_party=False)
    page = browser.authorize(frontend, scope=SCOPE).last.text
    assert "See what roles you have" in page
    assert "See which groups you are in" in page


@pytest.mark.parametrize("length", [20, 28, 64])
def test_the_largest_token_is_one_that_verifiers_accept(length: int) -> None:
    """RFC 9068 §2.2; MAX_LENGTH is todo-service's, too."""
    names = [f"{number:02}{'n' * (length - 2)}" for number in range(50)]
    while True:
        try:
            bounds.check(names)
            break
        except bounds.TooMany:
            names.pop()
    now, host = datetime(2026, 1, 1, tzinfo=UTC), "https://" + "i" * 100
    authentication = Authentication("s" * 32, now, "urn:example:aal2", ("pwd", "otp", "mfa"))
    token = AccessToken(
        iss=host, sub="a" * 32, aud="https://" + "x" * 1016, client_id="client_" + "c" * 32, scope="s" * 1024,
        issued_at=now, ttl=timedelta(hours=1), jti="j" * 32, authentication=authentication,
        userinfo_claims=("name", "preferred_username", "picture", "updated_at", "email", "email_verified"),
        roles=tuple(names), groups=tuple(names),
        status=StatusReference(f"{host}/oauth/status-lists/1790000000-1000000", 131071),
    )  # fmt: skip
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "k" * 43}
    signature = 342  # characters, of a key of 2048 bits
    compact = [encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, token.claims())]
    assert len(".".join(compact)) + 1 + signature <= MAX_LENGTH
