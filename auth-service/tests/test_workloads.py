"""Workload identities: a client proves itself by its platform's token. Here the platform is an issuer of the tests."""

import json
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.oauth.client_assertion import ASSERTION_TYPE
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.errors import InvalidClientMetadata

from .conftest import ISSUER, Service, Start
from .https_server import HttpsServer
from .oauth_client import GRANT, OAuthClient, post, private_key, public_jwk, register, register_with_key
from .registry import RESOURCES
from .test_outbound import server

__all__ = ["server"]  # a fixture

WORKLOAD = {
    "issuer": "https://kubernetes.default.svc.cluster.local",
    "subject": "system:serviceaccount:billing:report",
    "audience": ISSUER,
}
METADATA: dict[str, Any] = {
    "grant_types": ["client_credentials"], "scope": "todos:read", "token_endpoint_auth_method": "workload_jwt",
    "jwks": {"keys": [public_jwk("platform")]}, "workload": WORKLOAD,
}  # fmt: skip
HEADER = {"kid": "platform"}


def platform_token(
    service: Service, *, key: str = "platform", alg: str = "RS256", header: dict[str, Any] = HEADER, **changes: Any
) -> str:
    """A token as Kubernetes makes it; a claim that is None is left out."""
    now = int(service.clock().timestamp())
    claims = {
        "iss": WORKLOAD["issuer"], "sub": WORKLOAD["subject"], "aud": [ISSUER], "iat": now, "nbf": now,
        "exp": now + 3607, "kubernetes.io": {"namespace": "billing"}, **changes,
    }  # fmt: skip
    made = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(made, private_key(key), alg, headers=header)


def ask(client: OAuthClient, token: str, **changes: str | None) -> httpx2.Response:
    form = {
        **GRANT, "client_id": client.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": token,
        **changes,
    }  # fmt: skip
    return post(client.service, {name: value for name, value in form.items() if value is not None})


def test_a_workload_gets_tokens_by_its_platforms_token_as_long_as_that_lives(service: Service) -> None:
    """RFC 7523 §2.2. The platform gives one token for an hour, so it may come again."""
    client = register(service, **METADATA)
    token = platform_token(service)
    for _ in range(2):
        assert ask(client, token).status_code == 200
    assert ask(client, platform_token(service, aud=ISSUER)).status_code == 200
    service.clock.advance(seconds=3607 + 61)
    assert ask(client, token).json()["error"] == "invalid_client"


def near_misses(service: Service) -> dict[str, str]:
    now = int(service.clock().timestamp())
    subject, issuer = WORKLOAD["subject"], WORKLOAD["issuer"]
    return {
        "another subject": platform_token(service, sub="system:serviceaccount:billing:reports"),
        "a longer subject": platform_token(service, sub=f"{subject} "),
        "another case": platform_token(service, sub=subject.upper()),
        "letters that look alike": platform_token(service, sub=subject.replace("a", "\u0430")),
        "a line feed at the end": platform_token(service, sub=f"{subject}\n"),
        "a list of subjects": platform_token(service, sub=[subject]),
        "no subject of ours": platform_token(service, sub="*"),
        "another issuer": platform_token(service, iss=f"{issuer}.evil.example"),
        "the issuer with a slash": platform_token(service, iss=f"{issuer}/"),
        "no issuer": platform_token(service, iss=None),
        "our issuer": platform_token(service, iss=ISSUER),
        "another audience": platform_token(service, aud="https://other.example"),
        "several audiences": platform_token(service, aud=[ISSUER, "https://other.example"]),
        "no audience": platform_token(service, aud=None),
        "expired": platform_token(service, iat=now - 7200, exp=now - 3600),
        "too long a life": platform_token(service, exp=now + 7200),
        "no end": platform_token(service, exp=None),
        "no beginning": platform_token(service, iat=None),
        "from the future": platform_token(service, iat=now + 600, exp=now + 1200),
        "not yet": platform_token(service, nbf=now + 600),
        "another key": platform_token(service, key="thief"),
        "another kid": platform_token(service, header={"kid": "thief"}),
        "an access token's type": platform_token(service, header={**HEADER, "typ": "at+jwt"}),
        "an extension": platform_token(service, header={**HEADER, "crit": ["b64"], "b64": True}),
        "no signature": platform_token(service).rpartition(".")[0] + ".",
    }


def test_near_misses_prove_nothing(service: Service) -> None:
    client = register(service, **METADATA)
    told = {name: ask(client, token) for name, token in near_misses(service).items()}
    answers = {name: (each.status_code, each.json()["error"]) for name, each in told.items()}
    assert answers == dict.fromkeys(told, (401, "invalid_client"))
    secret = jwt.encode({"iss": WORKLOAD["issuer"], "sub": WORKLOAD["subject"]}, "x" * 32, "HS256", headers=HEADER)
    assert ask(client, secret).status_code == 401
    assert ask(client, platform_token(service)).status_code == 200


def test_a_platforms_token_opens_its_own_client_only(service: Service) -> None:
    """And its client takes nothing else."""
    client = register(service, **METADATA)
    other = register(service, **METADATA | {"workload": {**WORKLOAD, "subject": "system:serviceaccount:billing:other"}})
    keyed, secret = register_with_key(service), register(service)
    token = platform_token(service)
    assert ask(other, token).status_code == 401
    assert ask(keyed, token).json()["error"] == "invalid_request"  # its own assertion names another client
    assert ask(secret, token).json()["error"] == "invalid_request"
    assert ask(client, token, client_id=None).status_code == 401  # whose token it is has to be said
    assert ask(client, token, client_secret="x").json()["error"] == "invalid_request"
    assert post(service, {**GRANT, "client_id": client.client_id}).status_code == 401
    own = OAuthClient(service, client.client_id, "").assertion("platform")
    assert ask(client, own).status_code == 401


def test_the_platforms_keys_are_fetched_by_the_rules_for_outgoing_requests(
    start: Start, sqlite_url: str, server: HttpsServer
) -> None:
    """A cluster's keys are inside one's own network: only where the operator has listed that."""
    server.body = json.dumps({"keys": [public_jwk("platform")]}).encode()
    listed = {"AUTH_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128", "AUTH_OUTBOUND_CA_FILE": str(server.ca_file)}
    for settings, status in ((listed, 200), ({"AUTH_OUTBOUND_CA_FILE": str(server.ca_file)}, 401)):
        service = start(sqlite_url, **settings)
        workload = {**WORKLOAD, "subject": f"system:serviceaccount:billing:{status}"}
        client = register(service, **METADATA | {"jwks": None, "jwks_uri": server.url, "workload": workload})
        asked, before = platform_token(service, sub=workload["subject"]), len(server.requests)
        assert ask(client, asked).status_code == status
        assert (len(server.requests) > before) == (status == 200)
        thief = platform_token(service, sub=workload["subject"], key="thief")
        assert ask(client, thief).status_code == 401


def test_one_workload_is_one_client(service: Service) -> None:
    """Whoever deletes or changes the client frees it."""
    command = ("clients", "create")
    first = service.command(*command, stdin=json.dumps(METADATA))
    assert first.returncode == 0, first.stderr
    again = service.command(*command, stdin=json.dumps(METADATA))
    assert (again.returncode, "another client has this issuer, subject and audience" in again.stderr) == (1, True)
    assert service.rows("SELECT count(*) FROM client_workloads") == [(1,)]
    client_id = json.loads(first.stdout)["client_id"]
    shown = json.loads(service.command("clients", "show", client_id).stdout)
    assert shown["workload"] == WORKLOAD
    assert service.command("clients", "update", client_id, stdin=json.dumps(shown)).returncode == 0
    assert service.command("clients", "delete", client_id, "--yes").returncode == 0
    assert service.command(*command, stdin=json.dumps(METADATA)).returncode == 0


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "our own issuer": ({"workload": {**WORKLOAD, "issuer": ISSUER}}, "workload: issuer must be an https URI"),
    "an issuer over http": ({"workload": {**WORKLOAD, "issuer": "http://a.example"}}, "workload: issuer must be an"),
    "no audience": ({"workload": {"issuer": "https://a.example", "subject": "a"}}, "workload: must be an object"),
    "an empty subject": ({"workload": {**WORKLOAD, "subject": ""}}, "workload: must be an object"),
    "a pattern": ({"workload": {**WORKLOAD, "pattern": "*"}}, "workload: must be an object"),
    "a list": ({"workload": [WORKLOAD]}, "workload: must be an object"),
    "no keys": ({"jwks": None}, "workload needs the platform's keys"),
    "another method": ({"token_endpoint_auth_method": "client_secret_basic"}, "workload: it and the method"),
    "the method alone": ({"workload": None}, "workload: it and the method"),
    "request objects by the platform": ({"request_object_signing_alg": "RS256"}, "request_object_signing_alg: not"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_registration_that_cannot_be_meant_is_refused(name: str) -> None:
    changes, message = REFUSED[name]
    with pytest.raises(InvalidClientMetadata) as raised:
        parse({**METADATA, **changes}, resources=RESOURCES, supported_grant_types=["client_credentials"])
    assert raised.value.description.startswith(message)
