"""Clients that an operator registers (RFC 7591, RFC 7592 §2.2)."""

import hashlib
import json
import re
from typing import Any

import pytest

from auth_service.store.identifiers import draw

from .code_flow import live_grants, register_backend, register_frontend, sign_up
from .conftest import ISSUER, Service
from .oauth_client import METADATA, OAuthClient, public_jwk, register, register_with_key

BAD = "invalid_client_metadata"
KEYS = {"keys": [public_jwk("rsa")]}


def done(service: Service, *arguments: str, stdin: object = None) -> dict[str, Any]:
    result = service.command("clients", *arguments, stdin="" if stdin is None else json.dumps(stdin))
    assert (result.returncode, result.stderr) == (0, "")
    members: dict[str, Any] = json.loads(result.stdout)
    return members


def refused(service: Service, *arguments: str, stdin: str = "") -> str:
    result = service.command("clients", *arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("auth-service: ")
    return result.stderr.removeprefix("auth-service: ").rstrip("\n")


def test_a_registered_client_is_answered_with_its_secret_and_gets_tokens(service: Service) -> None:
    """RFC 7591 §3.2.1."""
    made = done(service, "create", stdin={**METADATA, "client_name": "Robot"})
    client_id, secret, issued_at = (made.pop(name) for name in ("client_id", "client_secret", "client_id_issued_at"))
    assert made == {
        "client_secret_expires_at": 0, "client_name": "Robot", "grant_types": ["client_credentials"],
        "response_types": [], "token_endpoint_auth_method": "client_secret_basic", "scope": "todos:read todos:write",
        "redirect_uris": [], "post_logout_redirect_uris": [], "first_party": False,
    }  # fmt: skip
    assert abs(issued_at - service.clock().timestamp()) < 60
    assert OAuthClient(service, client_id, secret).token().status_code == 200


def test_a_secret_is_stored_as_its_hash_and_shown_once(service: Service) -> None:
    client = register(service)
    assert len(client.secret) == 43, "256 bits in base64url"
    stored = service.rows("SELECT * FROM clients")
    assert client.secret not in repr(stored)
    assert hashlib.sha256(client.secret.encode()).hexdigest() in repr(stored)
    for command in (["list"], ["show", client.client_id]):
        assert client.secret not in service.command("clients", *command).stdout
    assert "client_secret" not in done(service, "show", client.client_id)


def test_no_client_has_the_name_of_an_account_or_the_reserved_one(sqlite_service: Service) -> None:
    """RFC 9068 §5: a client must never be given the `sub` of a person."""
    for client in (register(sqlite_service) for _ in range(5)):
        assert re.fullmatch(r"client_[A-Za-z0-9]{32}", client.client_id)
        assert not re.fullmatch(r"[A-Za-z0-9]{32}|web", client.client_id)
    assert re.fullmatch(r"[A-Za-z0-9]{32}", draw())


def test_clients_are_listed_and_shown(service: Service) -> None:
    registered = sorted(register(service, client_name=name).client_id for name in ("One", "Two"))
    listed = [json.loads(line) for line in service.command("clients", "list").stdout.splitlines()]
    assert [record["client_id"] for record in listed] == [*registered, "web"]
    assert {record["client_name"] for record in listed} == {"One", "Two", "Web application"}
    assert {record["redirect_uris"] for record in listed} == {""}
    assert done(service, "show", registered[0])["client_id"] == registered[0]


def test_what_is_shown_can_be_put_back_with_a_change(service: Service) -> None:
    client = register(service, client_name="Robot")
    shown = done(service, "show", client.client_id)
    updated = done(service, "update", client.client_id, stdin={**shown, "scope": "todos:read"})
    assert updated == {**shown, "scope": "todos:read"}
    assert client.token().json()["scope"] == "todos:read"


def test_an_update_replaces_all_metadata(service: Service) -> None:
    """RFC 7592 §2.2: members that the update leaves out are deleted."""
    client = register(service, client_name="Robot", default_resource=f"{ISSUER}/api/v1")
    updated = done(service, "update", client.client_id, stdin={"grant_types": ["client_credentials"]})
    assert (updated["client_name"], updated["scope"], updated.get("default_resource")) == ("", "", None)
    other = refused(service, "update", client.client_id, stdin=json.dumps({**METADATA, "client_id": "client_x"}))
    assert other == "client_id: the metadata belong to another client"


def test_a_client_that_changes_its_method_gains_or_loses_its_secret(service: Service) -> None:
    client = register(service)
    by_key = {**METADATA, "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    assert "client_secret" not in done(service, "update", client.client_id, stdin=by_key)
    assert service.rows(f"SELECT secret_hash FROM clients WHERE client_id = '{client.client_id}'") == [(None,)]
    assert client.token().json()["error"] == "invalid_client"
    assert client.token_by_assertion(client.assertion()).status_code == 200
    assert refused(service, "rotate-secret", client.client_id).endswith("has no secret")
    secret = done(service, "update", client.client_id, stdin=METADATA)["client_secret"]
    service.clock.advance(seconds=5)
    assert OAuthClient(service, client.client_id, secret).token().status_code == 200


def works(client: OAuthClient, *found: str) -> list[bool]:
    client.service.clock.advance(seconds=5)  # the cached row expires
    return [OAuthClient(client.service, client.client_id, secret).token().status_code == 200 for secret in found]


def test_two_secrets_are_valid_while_one_replaces_the_other(service: Service) -> None:
    client = register(service)
    second = done(service, "rotate-secret", client.client_id)["client_secret"]
    assert works(client, client.secret, second, "x") == [True, True, False]
    third = done(service, "rotate-secret", client.client_id, "--overlap", "PT1H")["client_secret"]
    assert works(client, client.secret, second, third) == [False, True, True]
    service.clock.advance(hours=1)
    assert works(client, second, third) == [False, True]
    fourth = done(service, "rotate-secret", client.client_id, "--overlap", "PT0S")["client_secret"]
    assert works(client, third, fourth) == [False, True]


def test_a_deleted_client_gets_nothing_within_five_seconds(service: Service) -> None:
    client = register(service)
    assert client.token().status_code == 200
    assert refused(service, "delete", client.client_id).endswith("add --yes")
    assert done(service, "delete", client.client_id, "--yes")["client_id"] == client.client_id
    service.clock.advance(seconds=5)
    assert client.token().json()["error"] == "invalid_client"
    assert refused(service, "show", client.client_id) == f"there is no client '{client.client_id}'"


COMMANDS: dict[str, tuple[list[str], str, str]] = {
    "nothing on standard input": (["create"], "", "the metadata on standard input are not valid: not JSON"),
    "a list": (["create"], "[]", "the metadata on standard input are not valid: not an object"),
    "a name twice": (["create"], '{"a": 1, "a": 2}', "the metadata on standard input are not valid: a name occurs"),
    "a secret of one's own": (["create"], '{"client_secret": "x"}', "client_secret: the service makes secrets"),
    "a private key": (
        ["create"],
        json.dumps({**METADATA, "token_endpoint_auth_method": "private_key_jwt",
                    "jwks": {"keys": [public_jwk("rsa", d="AQAB")]}}),
        f"{BAD}: jwks: a key is private or symmetric",
    ),
    "an unknown client": (["show", "client_x"], "", "there is no client 'client_x'"),
    "an unknown client to update": (["update", "client_x"], json.dumps(METADATA), "there is no client 'client_x'"),
    "NUL in an id": (["rotate-secret", "client_\udcff"], "", "an argument is not UTF-8"),
    "no duration": (["rotate-secret", "x", "--overlap", "soon"], "", "--overlap must be an ISO 8601 duration"),
    "too long": (["rotate-secret", "x", "--overlap", "P31D"], "", "--overlap must be between 0 and 30 days"),
    "a negative duration": (["rotate-secret", "x", "--overlap", "-P1D"], "", "--overlap must be between 0 and 30 days"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "stdin", "message"), COMMANDS.values(), ids=COMMANDS)
def test_commands_refuse_in_one_line(sqlite_service: Service, arguments: list[str], stdin: str, message: str) -> None:
    told = refused(sqlite_service, *arguments, stdin=stdin)
    assert told.startswith(message)
    assert "\n" not in told
    assert sqlite_service.rows("SELECT * FROM clients WHERE client_id <> 'web'") == []


def test_members_that_are_not_known_are_ignored_and_named(sqlite_service: Service) -> None:
    """RFC 7591 §2: unknown members must be ignored. They are named, so that an operator notices a mistyped one."""
    metadata = {**METADATA, "contacts": ["a@example.com"], "defualt_resource": "x"}
    result = sqlite_service.command("clients", "create", stdin=json.dumps(metadata))
    assert result.returncode == 0
    assert result.stderr == "auth-service: ignored: 'contacts', 'defualt_resource'\n"
    assert "contacts" not in json.loads(result.stdout)


def test_a_client_with_keys_is_answered_without_a_secret(sqlite_service: Service) -> None:
    metadata = {**METADATA, "token_endpoint_auth_method": "private_key_jwt", "jwks": KEYS}
    made = done(sqlite_service, "create", stdin=metadata)
    assert made["jwks"] == KEYS
    assert not {"client_secret", "client_secret_expires_at"} & made.keys()
    assert register_with_key(sqlite_service).secret == ""


def test_a_secret_that_leaked_is_replaced_with_all_it_gave(service: Service) -> None:
    """The old secret and all grants of the client end at once; other clients' grants stay."""
    person, backend, other = sign_up(service), register_backend(service), register_frontend(service)
    token, others = backend.tokens(person)["refresh_token"], other.tokens(person)["refresh_token"]
    assert refused(service, "rotate-secret", backend.client_id, "--revoke").endswith("add --yes")
    made = done(service, "rotate-secret", backend.client_id, "--revoke", "--yes")
    service.clock.advance(seconds=5)
    assert backend.refresh(token).json()["error"] == "invalid_client"
    renewed = type(backend)(service, backend.client_id, made["client_secret"])
    assert renewed.refresh(token).json()["error"] == "invalid_grant"
    assert other.refresh(others).status_code == 200
    assert live_grants(service) == 1


def test_what_a_service_was_given_before_ends_as_well(sqlite_service: Service) -> None:
    """All tokens of a service are revoked together."""
    robot = register(sqlite_service, token_endpoint_auth_method="client_secret_post")
    made = done(sqlite_service, "rotate-secret", robot.client_id, "--revoke", "--yes")
    [(revoked_at,)] = sqlite_service.rows("SELECT tokens_revoked_at FROM clients WHERE secret_hash IS NOT NULL")
    assert revoked_at is not None
    assert done(sqlite_service, "rotate-secret", robot.client_id)["client_secret"] != made["client_secret"]


def test_a_deleted_client_leaves_no_grant_behind(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    token = frontend.tokens(person, "openid offline_access")["refresh_token"]
    done(service, "delete", frontend.client_id, "--yes")
    service.clock.advance(seconds=5)
    assert frontend.refresh(token).json()["error"] == "invalid_client"
    assert service.rows("SELECT count(*) FROM grants") == [(0,)]
    assert service.rows("SELECT count(*) FROM refresh_token_families") == [(0,)]
