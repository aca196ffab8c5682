"""Programs that register themselves as clients with an initial access token (RFC 7591)."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from auth_service.clients.own_registrations import UNUSED_TTL
from auth_service.oauth.client_metadata import NAMES, parse
from auth_service.oauth.metadata_values import DEVICE_CODE
from auth_service.oauth.self_registration import GRANT_TYPES, TAKEN, parse_own
from auth_service.store.database import Database
from auth_service.worker.expiry import delete_expired

from .browser import signed_in
from .code_flow import REDIRECT_URI, Frontend
from .conftest import Service, Start
from .oauth_client import PNG, public_jwk
from .registering import BAD, MINIMAL, PATH, ask, made, make_token, registering, running
from .registry import RESOURCES

__all__ = ["registering", "running"]  # fixtures


def test_registration_is_off_by_default(sqlite_service: Service) -> None:
    """DESIGN: no endpoint, no member in the metadata; an initial access token changes nothing."""
    token = make_token(sqlite_service)["registration_token"]
    assert ask(sqlite_service, token, MINIMAL).status_code == 404
    metadata = httpx2.get(f"{sqlite_service.url}/.well-known/oauth-authorization-server").json()
    assert "registration_endpoint" not in metadata


def test_metadata_names_the_endpoint_where_it_is_on(registering: Service) -> None:
    """RFC 8414 §2."""
    metadata = httpx2.get(f"{registering.url}/.well-known/openid-configuration").json()
    assert metadata["registration_endpoint"] == f"{metadata['issuer']}{PATH}"


def test_a_program_registers_itself_and_its_person_signs_in(start: Start, database_url: str) -> None:
    """RFC 7591 §3.2.1."""
    service = start(database_url, AUTH_REGISTRATION="token")
    token = make_token(service)["registration_token"]
    client = made(ask(service, token, {**MINIMAL, "client_name": "Board", "grant_types": list(GRANT_TYPES)}))
    secret = client.pop("client_secret")
    del client["registration_access_token"], client["registration_client_uri"]  # test_registration_management.py
    assert client.pop("client_id").startswith("client_")
    assert abs(client.pop("client_id_issued_at") - service.clock().timestamp()) < 60
    assert client == {
        **MINIMAL, "client_name": "Board", "grant_types": ["authorization_code", DEVICE_CODE, "refresh_token"],
        "response_types": ["code"], "token_endpoint_auth_method": "client_secret_basic", "client_secret_expires_at": 0,
        "scope": "openid profile email offline_access", "post_logout_redirect_uris": [], "first_party": False,
    }  # fmt: skip
    [[client_id]] = service.rows("SELECT client_id FROM clients WHERE registered_by IS NOT NULL")
    frontend = Frontend(service, client_id, secret)
    code = signed_in(service).authorize(frontend, scope="openid email").allow().answer["code"]
    assert "id_token" in frontend.redeem(code).json()


def test_a_token_registers_as_many_clients_as_it_has_uses(start: Start, postgres_url: str) -> None:
    """Also of registrations that arrive together: one conditional statement decides."""
    service = start(postgres_url, AUTH_REGISTRATION="token")
    token = make_token(service, "--uses", "3")
    with ThreadPoolExecutor(8) as together:
        answers = list(together.map(lambda _: ask(service, token["registration_token"], MINIMAL), range(8)))
    assert sorted(each.status_code for each in answers) == [201] * 3 + [401] * 5
    assert service.rows("SELECT count(*) FROM clients WHERE registered_by IS NOT NULL") == [(3,)]
    [listed] = map(json.loads, service.command("registration-tokens", "list").stdout.splitlines())
    assert (listed["id"], listed["uses"], listed["uses_left"]) == (token["id"], 3, 0)


def test_without_a_good_token_nothing_is_registered(registering: Service) -> None:
    """RFC 7591 §3: the token is one of RFC 6750, and so is its refusal."""
    revoked, expired = make_token(registering), make_token(registering, "--lifetime", "PT1H")["registration_token"]
    assert registering.command("registration-tokens", "revoke", revoked["id"], "--yes").returncode == 0
    bare = ask(registering, None, MINIMAL)
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, 'Bearer realm="oauth"')
    registering.clock.advance(hours=2)
    for token in (revoked["registration_token"], expired, "x", "x" * 43):
        refused = ask(registering, token, MINIMAL)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert registering.rows("SELECT count(*) FROM clients WHERE registered_by IS NOT NULL") == [(0,)]


REFUSED: dict[str, tuple[object, int, str]] = {
    "no redirect URI": ({}, 400, "invalid_redirect_uri"),
    "a redirect URI over http": ({"redirect_uris": ["http://app.example.com/"]}, 400, "invalid_redirect_uri"),
    "a redirect URI with a fragment": ({"redirect_uris": [f"{REDIRECT_URI}#a"]}, 400, "invalid_redirect_uri"),
    "a script as redirect URI": ({"redirect_uris": ["javascript:alert(1)"]}, 400, "invalid_redirect_uri"),
    "too many redirect URIs": (
        {"redirect_uris": [f"{REDIRECT_URI}/{each}" for each in range(33)]}, 400, "invalid_redirect_uri",
    ),
    "redirect URIs that are no list": ({"redirect_uris": REDIRECT_URI}, 400, BAD),
    "only grants without a person": ({**MINIMAL, "grant_types": ["client_credentials"]}, 400, BAD),
    "grant types that are no list": ({**MINIMAL, "grant_types": "authorization_code"}, 400, BAD),
    "only implicit response types": ({**MINIMAL, "response_types": ["token"]}, 400, BAD),
    "an unknown method": ({**MINIMAL, "token_endpoint_auth_method": "tls_client_auth"}, 400, BAD),
    "keys and their URI": (
        {**MINIMAL, "jwks": {"keys": [public_jwk("rsa")]}, "jwks_uri": "https://app.example.com/jwks"}, 400, BAD,
    ),
    "an assertion without keys": ({**MINIMAL, "token_endpoint_auth_method": "private_key_jwt"}, 400, BAD),
    "a private key": ({**MINIMAL, "jwks": {"keys": [public_jwk("rsa", d="AQAB")]}}, 400, BAD),
    "a name with a line break": ({**MINIMAL, "client_name": "Board\nby us"}, 400, BAD),
    "a scope that is a list": ({**MINIMAL, "scope": ["openid"]}, 400, BAD),
    "a protection that is not given": ({**MINIMAL, "require_signed_request_object": True}, 400, BAD),
    "a receiver over http": ({**MINIMAL, "backchannel_logout_uri": "http://10.0.0.1/"}, 400, BAD),
    "no JSON": (b"{", 400, BAD),
    "an array": ([MINIMAL], 400, BAD),
    "a name twice": (b'{"scope": "a", "scope": "b"}', 400, BAD),
    "a lone surrogate": (rb'{"client_name": "\ud800"}', 400, BAD),
    "deep nesting": (b'{"jwks": ' + b"[" * 300 + b"]" * 300 + b"}", 400, BAD),
    "many members": ({**MINIMAL, "contacts": ["a"] * 600}, 400, BAD),
    "a large body": ({**MINIMAL, "client_uri": "x" * 16 * 1024}, 413, "invalid_request"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_bad_metadata_are_refused_and_spend_nothing(registering: Service, name: str) -> None:
    """RFC 7591 §3.2.2."""
    body, status, error = REFUSED[name]
    token = make_token(registering)["registration_token"]
    refused = ask(registering, token, body)
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert refused.json()["error_description"].isascii()
    assert registering.rows("SELECT count(*) FROM clients WHERE registered_by IS NOT NULL") == [(0,)]
    assert registering.rows("SELECT uses_left FROM registration_tokens") == [(1,)]


def test_a_body_of_another_type_is_refused(registering: Service) -> None:
    token = make_token(registering)["registration_token"]
    form = ask(registering, token, b"client_name=Board", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (form.status_code, form.json()["error"]) == (400, BAD)
    zipped = ask(registering, token, MINIMAL, **{"Content-Encoding": "gzip"})
    assert (zipped.status_code, zipped.headers["Accept-Encoding"]) == (415, "identity")


def test_what_an_operator_decides_is_passed_over_and_the_answer_says_so(registering: Service) -> None:
    """RFC 7591 §3.2.1: the response has what was registered, not what was asked for."""
    asked = {
        **MINIMAL, "first_party": True, "protected_resource": f"{registering.settings.issuer}/api/v1",
        "default_resource": f"{registering.settings.issuer}/api/v1", "event_endpoint": "https://app.example.com/events",
        "assertion_audience": "token_endpoint", "require_pkce": False, "client_id": "client_of_my_own",
        "client_secret": "chosen by the client", "software_statement": "e30.e30.e30",
        "scope": "openid roles groups todos:read unknown", "contacts": ["ann@example.com"],
        "grant_types": ["authorization_code", "client_credentials", "implicit"], "response_types": ["code", "token"],
    }  # fmt: skip
    client = made(ask(registering, make_token(registering)["registration_token"], asked))
    assert client["client_id"] != asked["client_id"]
    assert client["client_secret"] != asked["client_secret"]
    assert (client["scope"], client["first_party"]) == ("openid todos:read", False)
    assert (client["grant_types"], client["response_types"]) == (["authorization_code"], ["code"])
    passed_over = {"protected_resource", "default_resource", "event_endpoint", "assertion_audience", "require_pkce"}
    assert client.keys() & {*passed_over, "software_statement", "contacts"} == set()


def test_every_member_is_either_the_clients_own_or_the_operators() -> None:
    """A new member is the operator's until somebody decides otherwise."""
    operators = {
        *("default_resource", "protected_resource", "event_endpoint", "require_pkce", "first_party"),
        *("assertion_audience", "profile", "exchange", "workload", "require_second_factor", "logo_uri"),
    }
    assert TAKEN | operators == NAMES
    plain = parse_own(MINIMAL, resources=RESOURCES)
    everything = {
        "default_resource": RESOURCES.registered[0].resource, "protected_resource": RESOURCES.registered[0].resource,
        "event_endpoint": "https://app.example.com/", "require_pkce": False, "first_party": True,
        "assertion_audience": "token_endpoint", "profile": "fapi2",
        "exchange": [{"resource": RESOURCES.registered[0].resource, "scope": "todos:read"}],
        "workload": {"issuer": "https://a.example", "subject": "a", "audience": "a"},
        "require_second_factor": True, "logo_uri": f"data:image/png;base64,{PNG}",
    }  # fmt: skip
    assert everything.keys() == operators
    assert parse_own({**MINIMAL, **everything}, resources=RESOURCES) == plain
    for name in ("profile", "exchange", "workload"):  # the first refuses the others, which need more than themselves
        del everything[name]
    assert parse({**MINIMAL, **everything}, resources=RESOURCES, supported_grant_types=GRANT_TYPES) != plain


def test_a_client_that_nobody_uses_is_deleted_and_another_one_stays(start: Start, database_url: str) -> None:
    service = start(database_url, AUTH_REGISTRATION="token")
    token = make_token(service, "--uses", "2")["registration_token"]
    unused, used = (made(ask(service, token, {**MINIMAL, "client_name": name})) for name in ("Unused", "Used"))
    signed_in(service).authorize(Frontend(service, used["client_id"], used["client_secret"]), scope="openid").allow()

    async def clean(database: Database) -> int:
        return await delete_expired(database, now=service.clock() + UNUSED_TTL)

    service.do(clean)
    left = {each for (each,) in service.rows("SELECT client_id FROM clients WHERE registered_by IS NOT NULL")}
    assert left == {used["client_id"]} != {unused["client_id"]}


def test_the_list_says_where_a_client_came_from_and_one_command_ends_it(registering: Service) -> None:
    token = make_token(registering)
    client = made(ask(registering, token["registration_token"], MINIMAL))
    listed = [json.loads(line) for line in registering.command("clients", "list").stdout.splitlines()]
    assert {each["client_id"]: each["registered_by"] for each in listed} == {
        client["client_id"]: f"token:{token['id']}", "web": "operator",
    }  # fmt: skip
    frontend = Frontend(registering, client["client_id"], client["client_secret"])
    code = signed_in(registering).authorize(frontend, scope="openid").allow().answer["code"]
    assert registering.command("clients", "delete", client["client_id"], "--yes").returncode == 0
    registering.forget()
    assert frontend.redeem(code).json()["error"] == "invalid_client"


def test_a_page_of_any_origin_may_register_and_read_the_answer(registering: Service) -> None:
    """The Fetch standard's CORS protocol: a browser client has no known origin before it is registered."""
    origin = {"Origin": "https://app.example.org"}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = httpx2.options(f"{registering.url}{PATH}", headers=origin | asked)
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Methods"] == "POST"
    assert preflight.headers["Access-Control-Allow-Headers"] == asked["Access-Control-Request-Headers"]
    token = make_token(registering)["registration_token"]
    for answer in (ask(registering, token, {}, **origin), ask(registering, token, MINIMAL, **origin)):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_tokens_and_registrations_are_in_the_audit_trail(registering: Service) -> None:
    token = make_token(registering)
    client = made(ask(registering, token["registration_token"], MINIMAL))
    events = [json.loads(line) for line in registering.command("audit", "export").stdout.splitlines()]
    assert [each["event"] for each in events] == ["registration_token_created", "client_registered"]
    assert events[1]["client_id"] == client["client_id"]
    assert events[1]["facts"]["registered_by"] == f"token:{token['id']}"
    assert token["registration_token"] not in json.dumps(events) + repr(
        registering.rows("SELECT * FROM registration_tokens")
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["create", "--lifetime", "PT0S"], "--lifetime must be between 1 seconds and 365 days"),
        (["create", "--lifetime", "P366D"], "--lifetime must be between 1 seconds and 365 days"),
        (["create", "--lifetime", "soon"], "--lifetime must be an ISO 8601 duration such as PT1H or P1D"),
        (["revoke", "x", "--yes"], "there is no registration token 'x'"),
    ],
)
def test_commands_refuse_what_they_cannot_do(registering: Service, arguments: list[str], reason: str) -> None:
    done = registering.command("registration-tokens", *arguments)
    assert (done.returncode, done.stderr) == (1, f"auth-service: {reason}\n")
