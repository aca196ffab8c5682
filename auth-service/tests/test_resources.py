"""The registry of APIs: what may be registered, by command, and what a removal takes away (RFC 8707)."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from auth_service.oauth.resources import Resource

from .browser import signed_in
from .code_flow import live_grants, register_frontend, sign_up
from .conftest import ISSUER, Service
from .oauth_client import claims_of, register
from .operator_commands import Done
from .registry import API, TODOS

BILLING = "https://api.example.com/billing"
SCOPES = {"billing:read": "See your invoices", "billing:pay": "Pay them"}
MEMBERS: dict[str, Any] = {"resource": BILLING, "name": "Billing", "scopes": SCOPES}


def resources(service: Service, *arguments: str, stdin: object = None) -> Done:
    done = service.command("resources", *arguments, stdin="" if stdin is None else json.dumps(stdin))
    service.forget()
    return done


def created(service: Service, **changes: Any) -> dict[str, Any]:
    done = resources(service, "create", stdin={**MEMBERS, **changes})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    members: dict[str, Any] = json.loads(done.stdout)
    return members


def test_an_api_that_is_registered_gets_tokens_and_one_that_is_not_does_not(service: Service) -> None:
    made = created(service)
    assert made == {
        **MEMBERS, "roles": {}, "access_token_signing_alg": "RS256", "clients": "registered", "identity": False,
        "groups": False, "listed": False,
    }  # fmt: skip
    assert json.loads(resources(service, "show", BILLING).stdout) == made
    listed = [json.loads(line) for line in resources(service, "list").stdout.splitlines()]
    assert [each["resource"] for each in listed] == [API, BILLING]
    robot = register(service, scope="billing:read billing:pay")
    claims = claims_of(robot.token().json()["access_token"])
    assert (claims["aud"], claims["scope"]) == (BILLING, "billing:read billing:pay")
    assert robot.token(resource="https://api.example.com/reports").json()["error"] == "invalid_target"


def test_an_api_is_known_a_second_after_its_registration_and_forgotten_within_five(service: Service) -> None:
    """Without a restart: other processes read the registry again."""
    robot = register(service)
    robot.token(resource=API)
    service.command("resources", "create", stdin=json.dumps(MEMBERS))
    service.clock.advance(seconds=1.1)
    robot = register(service, scope="todos:read billing:read")
    assert robot.token(resource=BILLING).status_code == 200
    service.command("resources", "delete", BILLING, "--yes")
    service.clock.advance(seconds=5)
    assert robot.token(resource=BILLING).json()["error"] == "invalid_target"


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no resource": ({"resource": None}, "resource: an absolute URI is required."),
    "no URI": ({"resource": "billing"}, "resource: must be an absolute https URI"),
    "a number": ({"resource": 5}, "resource: an absolute URI is required."),
    "a URN": ({"resource": "urn:billing"}, "resource: must be an absolute https URI"),
    "http": ({"resource": "http://api.example.com/billing"}, "resource: must be https; http is for loopback"),
    "a fragment": ({"resource": f"{BILLING}#x"}, "resource: must not have a fragment"),
    "an empty fragment": ({"resource": f"{BILLING}#"}, "resource: must not have a fragment"),
    "credentials": ({"resource": "https://ann:pw@api.example.com/billing"}, "resource: must not have a user or pass"),
    "a user": ({"resource": "https://ann@api.example.com/"}, "resource: must not have a user or password."),
    "no host": ({"resource": "https:///billing"}, "resource: must be an absolute https URI"),
    "a host in capitals": ({"resource": "https://API.example.com/b"}, "resource: the host must be a name in lower"),
    "a scheme in capitals": ({"resource": "HTTPS://api.example.com/b"}, "resource: must be an absolute https URI"),
    "the default port": ({"resource": "https://api.example.com:443/billing"}, "resource: leave out the port 443"),
    "an empty port": ({"resource": "https://api.example.com:/billing"}, "resource: the host must be"),
    "a port with a zero": ({"resource": "https://api.example.com:08443/b"}, "resource: the host must be"),
    "no port": ({"resource": "https://api.example.com:x/"}, "resource: has no valid host or port."),
    "a port too many": ({"resource": "https://api.example.com:99999/"}, "resource: has no valid host or port."),
    "dot segments": ({"resource": "https://api.example.com/a/../b"}, "resource: the path must not have dot segments"),
    "encoded slashes": ({"resource": "https://api.example.com/a%2Fb"}, "resource: the path must not have dot segments"),
    "an encoded letter": ({"resource": "https://api.example.com/%62illing"}, "resource: encode only what needs it"),
    "an encoded tilde": ({"resource": "https://api.example.com/%7Eann"}, "resource: encode only what needs it"),
    "hex digits in lower case": ({"resource": "https://api.example.com/%c3%A4"}, "resource: encode only what needs it"),
    "an encoded letter in a query": ({"resource": "https://api.example.com/?q=%41"}, "resource: encode only what"),
    "a dot at the host's end": ({"resource": "https://api.example.com./billing"}, "resource: the host must be a name"),
    "a host with two dots": ({"resource": "https://api..example.com/b"}, "resource: the host must be a name in lower"),
    "a space": ({"resource": "https://api.example.com/a b"}, "resource: longer than 1024 characters, or not a URI."),
    "a line feed": ({"resource": "https://api.example.com/a\nb"}, "resource: longer than 1024 characters, or not"),
    "NUL": ({"resource": "https://api.example.com/\0"}, "resource: longer than 1024 characters, or not a URI."),
    "too long": ({"resource": f"https://api.example.com/{'x' * 1024}"}, "resource: longer than 1024 characters"),
    "the issuer": ({"resource": ISSUER}, "resource: this is the issuer itself"),
    "the issuer with a slash": ({"resource": f"{ISSUER}/"}, "resource: this is the issuer itself"),
    "registered": ({"resource": API}, "resource: is registered already; update replaces"),
    "another case": ({"resource": f"{ISSUER}/API/v1"}, f"resource: differs from {API} only in case."),
    "a slash": ({"resource": f"{API}/"}, f"resource: differs from {API} only in a slash at its end."),
    "below another": ({"resource": f"{API}/billing"}, f"resource: begins with {API}; a careless verifier"),
    "a longer word": ({"resource": f"{API}0"}, f"resource: begins with {API}; a careless verifier"),
    "above another": ({"resource": f"{ISSUER}/api"}, f"resource: {API} begins with it; a careless verifier"),
    "no name": ({"name": ""}, "name: 1 to 100 printable characters are required."),
    "a name that moves the cursor": ({"name": "a\x1b[2J"}, "name: 1 to 100 printable characters"),
    "a long name": ({"name": "x" * 101}, "name: 1 to 100 printable characters are required."),
    "no scopes": ({"scopes": {}}, "scopes: at least one is required"),
    "a list of scopes": ({"scopes": ["billing:read"]}, "scopes: an object of at most 50 names"),
    "too many scopes": ({"scopes": {f"b:{n}": "x" for n in range(51)}}, "scopes: an object of at most 50 names"),
    "two scopes in one": ({"scopes": {"a b": "x"}}, "scopes: a name has 1 to 64 characters"),
    "an empty scope": ({"scopes": {"": "x"}}, "scopes: a name has 1 to 64 characters"),
    "no sentence": ({"scopes": {"billing:read": ""}}, "scopes: billing:read: 1 to 200 printable characters"),
    "a scope of identity": ({"scopes": {"openid": "x"}}, "scopes: openid is reserved and belongs to no API."),
    "roles for a scope": ({"scopes": {"roles": "x"}}, "scopes: roles is reserved and belongs to no API."),
    "another's scope": ({"scopes": {"todos:read": "x"}}, f"scopes: todos:read belongs to {API} already."),
    "a short life": ({"access_token_ttl": "PT59S"}, "access_token_ttl: an ISO 8601 duration from PT1M to PT1H"),
    "a long life": ({"access_token_ttl": "PT1H1S"}, "access_token_ttl: an ISO 8601 duration from PT1M to PT1H"),
    "a number for a life": ({"access_token_ttl": 300}, "access_token_ttl: an ISO 8601 duration"),
    "half a duration": ({"access_token_ttl": "PT"}, "access_token_ttl: an ISO 8601 duration"),
    "no signature": ({"access_token_signing_alg": "none"}, "access_token_signing_alg: supported are RS256, PS"),
    "a shared secret": ({"access_token_signing_alg": "HS256"}, "access_token_signing_alg: supported are RS256, PS"),
    "another curve": ({"access_token_signing_alg": "ES384"}, "access_token_signing_alg: supported are RS256, PS"),
    "a list of them": ({"access_token_signing_alg": ["ES256"]}, "access_token_signing_alg: supported are RS256, PS"),
    "any client there is": ({"clients": "all"}, "clients: supported are registered, any."),
    "a list for clients": ({"clients": ["any"]}, "clients: supported are registered, any."),
    "text for a truth": ({"identity": "false"}, "identity: true or false is required."),
    "a mistyped member": ({"idenity": True}, "idenity: is no member of an API."),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_an_api_that_cannot_be_meant_is_refused_and_nothing_is_stored(
    sqlite_service: Service, changes: dict[str, Any], message: str
) -> None:
    done = resources(sqlite_service, "create", stdin={**MEMBERS, **changes})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"auth-service: {message}"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sqlite_service.rows("SELECT resource FROM resources") == [(API,)]


@pytest.mark.parametrize(
    ("other", "message"),
    {
        "https://api.example.com:8443/billing": "only in its port.",
        "https://api.example.com:8443/Billing/": "only in case, slash or port.",
        "https://api.example.com/BILLING": "only in case.",
    }.items(),
)
def test_an_api_must_not_be_taken_for_another_one(sqlite_service: Service, other: str, message: str) -> None:
    created(sqlite_service)
    done = resources(sqlite_service, "create", stdin={**MEMBERS, "resource": other, "scopes": {"x": "X"}})
    assert done.stderr == f"auth-service: resource: differs from {BILLING} {message}\n"


def test_on_loopback_the_port_tells_two_apis_apart(sqlite_service: Service) -> None:
    for port in (9001, 9002):
        created(sqlite_service, resource=f"http://localhost:{port}/", scopes={f"a{port}": "A"})


def test_of_two_apis_that_claim_one_scope_at_once_one_is_registered(service: Service) -> None:
    """The registry is locked while a registration is checked against the others."""
    names = [f"https://api.example.com/{name}" for name in ("one", "two")]
    with ThreadPoolExecutor() as pool:
        asked = [{**MEMBERS, "resource": name} for name in names]
        codes = list(pool.map(lambda each: resources(service, "create", stdin=each).returncode, asked))
    assert sorted(codes) == [0, 1]


def test_what_is_shown_can_be_put_back_and_provisioning_twice_is_provisioning_once(service: Service) -> None:
    created(service, access_token_ttl="PT90S", roles={"accountant": "Sees everybody's invoices"})
    shown = json.loads(resources(service, "show", BILLING).stdout)
    assert (shown["access_token_ttl"], shown["roles"]) == ("PT90S", {"accountant": "Sees everybody's invoices"})
    assert json.loads(resources(service, "update", BILLING, stdin={**shown, "name": "Bills"}).stdout)["name"] == "Bills"
    for name in ("Bills", "Invoices", "Invoices"):
        done = resources(service, "provision", stdin={**shown, "name": name})
        assert json.loads(done.stdout) == {**shown, "name": name}
    assert resources(service, "update", API, stdin=MEMBERS).stderr.startswith("auth-service: resource: cannot be chang")
    assert resources(service, "update", "x", stdin={**MEMBERS, "resource": "x"}).returncode == 1


def test_removing_an_api_says_what_it_takes_away_and_asks(service: Service) -> None:
    created(service)
    frontend = register_frontend(service, scope="openid todos:read billing:read")
    signed_in(service).authorize(frontend, scope="openid billing:read todos:read").allow()
    register(service, scope="billing:read", default_resource=BILLING)
    asked = resources(service, "delete", BILLING)
    assert asked.returncode == 1
    assert asked.stderr.startswith("auth-service: there is no terminal to ask for confirmation on: add --yes")
    done = resources(service, "delete", BILLING, "--yes")
    assert (done.returncode, done.stderr) == (0, "auth-service: 1 consents, 1 grants and 2 clients lost it\n")
    assert resources(service, "show", BILLING).stderr == f"auth-service: there is no API '{BILLING}'\n"


def test_nothing_that_is_registered_later_inherits_what_was_removed(service: Service) -> None:
    """Not a consent, a code, a refresh token, a client's registration, nor a token that is still young."""
    created(service)
    frontend = register_frontend(service, scope="openid todos:read billing:read")
    asked = {"scope": "openid todos:read billing:read", "resource": [API, BILLING]}
    browser = signed_in(service).authorize(frontend, **asked).allow()
    tokens = frontend.redeem(browser.answer["code"], resource=BILLING).json()
    code = browser.authorize(frontend, **asked).answer["code"]
    robot = register(service, scope="todos:read billing:read", default_resource=BILLING)
    own = robot.token().json()["access_token"]
    assert is_active(service, own, robot) is True
    assert resources(service, "delete", BILLING, "--yes").returncode == 0
    created(service)
    assert is_active(service, own, robot) is False
    assert "billing:read" not in service.rows("SELECT registered FROM clients WHERE client_id LIKE 'client_%'")[0][0]
    assert robot.token(resource=BILLING).json()["error"] == "invalid_target"
    assert robot.token(scope="billing:read").json()["error"] == "invalid_scope"
    assert frontend.redeem(code, resource=BILLING).json()["error"] == "invalid_target"
    refreshed = frontend.refresh(tokens["refresh_token"], resource=BILLING)
    assert refreshed.json()["error"] == "invalid_target"
    kept = frontend.refresh(tokens["refresh_token"]).json()
    assert claims_of(kept["access_token"])["aud"] == API
    assert live_grants(service) == 1
    again = service.command("clients", "update", frontend.client_id, stdin=json.dumps(metadata_of(service, frontend)))
    assert again.returncode == 0, again.stderr
    service.forget()
    assert browser.authorize(frontend, **asked).path == "/consent"


def metadata_of(service: Service, frontend: Any) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(service.command("clients", "show", frontend.client_id).stdout)
    return {**shown, "scope": "openid todos:read billing:read"}


def is_active(service: Service, token: str, client: Any) -> bool:
    auth = (client.client_id, client.secret)
    answer = httpx2.post(f"{service.url}/oauth/introspect", data={"token": token}, auth=auth)
    active: bool = answer.json()["active"]
    return active


def test_removing_a_scope_takes_it_away_everywhere_and_needs_a_yes(service: Service) -> None:
    created(service)
    frontend = register_frontend(service, scope="openid billing:read billing:pay")
    tokens = frontend.redeem(
        signed_in(service).authorize(frontend, scope="billing:read billing:pay").allow().answer["code"]
    ).json()
    less = {**MEMBERS, "scopes": {"billing:read": SCOPES["billing:read"]}}
    refused = resources(service, "update", BILLING, stdin=less)
    assert refused.stderr == (
        "auth-service: billing:pay would be removed: 1 consents, 1 grants and 1 clients lose it; add --yes\n"
    )
    assert json.loads(resources(service, "show", BILLING).stdout)["scopes"] == SCOPES
    assert resources(service, "update", BILLING, "--yes", stdin=less).returncode == 0
    assert frontend.refresh(tokens["refresh_token"]).json()["scope"] == "billing:read"
    assert resources(service, "update", BILLING, stdin=MEMBERS).returncode == 0
    assert service.rows("SELECT scope FROM consents") == [('["billing:read"]',)]
    assert service.rows("SELECT scope FROM refresh_token_families") == [("billing:read",)]


def test_the_members_survive_being_stored() -> None:
    made = Resource.parse({**TODOS, "access_token_ttl": "PT1H", "clients": "any"}, issuer=ISSUER)
    assert Resource.parse(json.loads(json.dumps(made.members())), issuer=ISSUER) == made
    assert made.members()["access_token_ttl"] == "PT60M"


def test_a_deployment_without_an_api_signs_people_in_all_the_same(service: Service) -> None:
    """Its tokens are for the issuer alone, and open nothing."""
    resources(service, "delete", API, "--yes")
    person = sign_up(service)
    claims = claims_of(person.browser.get("/token").json()["token"])
    assert (claims["aud"], claims.get("scope")) == (ISSUER, None)
