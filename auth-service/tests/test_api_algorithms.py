"""An API's tokens are signed with its own algorithm, as soon as its verifiers know the key (ROTATION.md)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import httpx2
import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from auth_service.keys import pairs
from auth_service.keys.jws import Signer, sign

from .code_flow import sign_up
from .conftest import ISSUER, Service, Start
from .oauth_client import OAuthClient, claims_of, encode, register
from .operator_commands import Done
from .test_key_rotation import LONG_AGO
from .test_verifiers import report
from .waiting import wait_until

BILLING = "https://api.example.com/billing"
MEMBERS: dict[str, Any] = {"resource": BILLING, "name": "Billing", "scopes": {"billing:read": "See your invoices"}}
pytestmark = pytest.mark.usefixtures("quick_reload")


def put(service: Service, alg: str, command: str = "create", *options: str, **members: Any) -> Done:
    named = (BILLING,) if command == "update" else ()
    api = {**MEMBERS, "access_token_signing_alg": alg, **members}
    done = service.command("resources", command, *named, *options, stdin=json.dumps(api))
    service.forget()
    return done


def make_old(service: Service, alg: str) -> None:
    """Make this algorithm's keys as old as an hour of publication makes them."""
    service.execute(f"UPDATE signing_keys SET created_at = '{LONG_AGO}' WHERE purpose = 'tokens {alg}'")


def activate(service: Service, alg: str) -> str:
    """Let the algorithm's first key become active. Returns its `kid`, when the service signs with it."""
    make_old(service, alg)
    done = service.command("keys", "rotate", "--alg", alg)
    assert done.returncode == 0, done.stderr
    kid: str = json.loads(done.stdout)["active"]
    make_old(service, alg)
    wait_until(lambda: list(published(service).values()).count(alg) == 2)  # the next spare is published with it
    return kid


def published(service: Service) -> dict[str, str]:
    keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]
    return {key["kid"]: key["alg"] for key in keys if "signs" not in key}


def robot(service: Service, **changes: Any) -> OAuthClient:
    return register(service, grant_types=["client_credentials"], scope="billing:read", **changes)


def token_of(client: OAuthClient) -> str:
    token: str = client.token().json()["access_token"]
    return token


def alg_of(token: str) -> str:
    alg: str = jwt.get_unverified_header(token)["alg"]
    return alg


@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_the_first_api_with_an_algorithm_gets_rs256_tokens_until_its_key_is_known(
    start: Start, database_url: str, alg: str
) -> None:
    service = start(database_url)
    done = put(service, alg)
    assert done.returncode == 0, done.stderr
    assert f"RS256 signs access tokens for {BILLING} for now" in done.stderr
    assert f"`keys rotate --alg {alg} --now` does not wait" in done.stderr
    assert json.loads(done.stdout)["access_token_signing_alg"] == alg
    client = robot(service)
    assert alg_of(token_of(client)) == "RS256"
    wait_until(lambda: alg in published(service).values())
    kid = activate(service, alg)
    wait_until(lambda: alg_of(token_of(client)) == alg)
    token = token_of(client)
    assert jwt.get_unverified_header(token) == {"alg": alg, "kid": kid, "typ": "at+jwt"}

    keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()
    found = jwt.PyJWKSet.from_dict(keys)[kid]
    assert jwt.decode(token, found, algorithms=[alg], audience=BILLING, issuer=ISSUER)["scope"] == "billing:read"
    assert joserfc_jwt.decode(token, KeySet.import_key_set(keys), algorithms=[alg]).claims["aud"] == BILLING
    assert put(service, alg, "provision").stderr == "", "nothing to wait for any more"


def test_other_apis_sessions_and_status_lists_stay_with_rs256(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256")
    activate(service, "ES256")
    assert alg_of(service.signed_up().get("/token").json()["token"]) == "RS256"
    uri = httpx2.get(f"{service.url}/oauth/status-lists").json()["status_lists"][0]
    status_list = httpx2.get(f"{service.url}{uri.removeprefix(ISSUER)}").text
    assert alg_of(status_list) == "RS256"
    lists = [key for key in httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"] if "signs" in key]
    assert {key["alg"] for key in lists} == {"RS256"}


def test_userinfo_and_introspection_take_tokens_of_each_algorithm(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256", identity=True)
    activate(service, "ES256")
    api = robot(service, protected_resource=BILLING)
    token = token_of(robot(service))
    wait_until(lambda: alg_of(token_of(api)) == "ES256")
    token = token_of(api)
    assert introspect(api, token)["active"] is True
    refused = httpx2.get(f"{service.url}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, "insufficient_scope" in refused.headers["WWW-Authenticate"]) == (403, True)


def introspect(client: OAuthClient, token: str) -> dict[str, Any]:
    url, auth = f"{client.service.url}/oauth/introspect", (client.client_id, client.secret)
    answer: dict[str, Any] = httpx2.post(url, data={"token": token}, auth=auth).json()
    return answer


def resigned(token: str, by: Signer, kid: str, alg: str | None = None) -> str:
    """The token's claims, signed by another key. The header names this kid and algorithm."""
    made = sign(claims_of(token), typ="at+jwt", by=Signer(by.alg, kid, by.key))
    return made if alg is None else f"{encode(header(alg, kid))}.{made.partition('.')[2]}"


def header(alg: str, kid: str) -> Mapping[str, str]:
    return {"alg": alg, "kid": kid, "typ": "at+jwt"}


def test_an_algorithm_that_is_not_the_keys_own_opens_nothing(start: Start, sqlite_url: str) -> None:
    """RFC 8725 §2.1 and §3.1: the stored key decides, whatever the header says."""
    service = start(sqlite_url)
    put(service, "ES256")
    es256 = activate(service, "ES256")
    api = robot(service, protected_resource=BILLING)
    wait_until(lambda: alg_of(token_of(api)) == "ES256")
    good = token_of(api)
    keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]
    public = {key["alg"]: key for key in keys if "signs" not in key}
    body = good.split(".")[1]
    own = {alg: Signer(alg, "k", pairs.generate(alg)) for alg in ("RS256", "ES256")}

    def hs256(kid: str, secret: bytes) -> str:
        signed = f"{encode(header('HS256', kid))}.{body}"
        return f"{signed}.{encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    rs256 = public["RS256"]["kid"]
    point = b"\x04" + b"".join(base64.urlsafe_b64decode(public["ES256"][name] + "==") for name in "xy")
    forged = {
        "the header says RS256, the key is ES256's": f"{encode(header('RS256', es256))}.{good.partition('.')[2]}",
        "the header says ES256, the key is RS256's": f"{encode(header('ES256', rs256))}.{good.partition('.')[2]}",
        "the header says PS256, the key is RS256's": resigned(good, own["RS256"], rs256, "PS256"),
        "signed by a key of one's own": resigned(good, own["ES256"], es256),
        "an RSA signature below an EC kid": resigned(good, own["RS256"], es256),
        "HS256 with the public key as secret": hs256(es256, json.dumps(public["ES256"]).encode()),
        "HS256 with the public point as secret": hs256(es256, point),
        "not signed": f"{encode(header('none', es256))}.{body}.",
        "ES384": f"{encode(header('ES384', es256))}.{good.partition('.')[2]}",
        "a signature in DER": f"{good.rpartition('.')[0]}.{encode(b'0E' + bytes(69))}",
        "r and s are zero": f"{good.rpartition('.')[0]}.{encode(bytes(64))}",
    }
    assert introspect(api, good)["active"] is True
    for name, token in forged.items():
        assert introspect(api, token) == {"active": False}, name
        answer = httpx2.get(f"{service.url}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name


def test_a_live_api_changes_its_algorithm_only_when_every_verifier_holds_the_key(
    start: Start, database_url: str
) -> None:
    service = start(database_url)
    put(service, "ES256", resource="https://other.example", scopes={"other:read": "Read"})
    kid = activate(service, "ES256")
    assert put(service, "RS256").returncode == 0
    client = robot(service, protected_resource=BILLING)
    rs256 = next(key for key, alg in published(service).items() if alg == "RS256")
    assert report(client, rs256).status_code == 204
    refused = put(service, "ES256", "update")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"these verifiers lack the ES256 key {kid}: {client.client_id}/one; or add --now" in refused.stderr
    assert alg_of(token_of(client)) == "RS256"
    assert report(client, f"{rs256} {kid}").status_code == 204
    changed = put(service, "ES256", "update")
    assert (changed.returncode, changed.stderr) == (0, "")
    assert alg_of(token_of(client)) == "ES256"
    assert report(client, kid).status_code == 204
    assert "lack the RS256 key" in put(service, "RS256", "update").stderr, "back again, the same holds"
    assert put(service, "RS256", "update", "--now").returncode == 0
    assert put(service, "RS256", "update", name="Invoices").returncode == 0, "the algorithm stays, so nobody is asked"
    assert alg_of(token_of(client)) == "RS256"


def test_a_change_to_a_key_that_is_too_new_waits(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256", resource="https://other.example", scopes={"other:read": "Read"})
    activate(service, "ES256")
    put(service, "RS256")
    service.execute("UPDATE signing_keys SET created_at = '2999-01-01 00:00:00.000000' WHERE purpose = 'tokens ES256'")
    refused = put(service, "ES256", "update")
    assert (refused.returncode, "is too new: wait" in refused.stderr) == (1, True)


def test_from_one_new_algorithm_to_another_the_way_leads_over_rs256(start: Start, sqlite_url: str) -> None:
    """Otherwise its tokens would be RS256 for an hour, which its verifiers need not accept any more."""
    service = start(sqlite_url)
    put(service, "ES256")
    activate(service, "ES256")
    refused = put(service, "PS256", "update", "--yes")
    assert refused.returncode == 1
    assert "PS256 has no active key yet: change it to RS256 first, then to PS256" in refused.stderr
    assert "PS256" not in published(service).values(), "nothing is made for what was refused"
    assert put(service, "RS256", "update").returncode == 0
    assert put(service, "PS256", "update").returncode == 0


def test_a_token_of_a_session_is_signed_with_the_algorithm_of_its_api(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256")
    activate(service, "ES256")
    person = sign_up(service)
    service.execute(
        "UPDATE clients SET registered = replace(registered, 'todos:read', 'todos:read billing:read')"
        " WHERE client_id = 'web'"
    )
    service.forget()
    wait_until(lambda: alg_of(person.browser.get("/token", params={"resource": BILLING}).json()["token"]) == "ES256")
    assert alg_of(person.browser.get("/token").json()["token"]) == "RS256"


def test_an_unknown_algorithm_is_refused_by_the_command(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    for options, told in (
        (("--alg", "ES512"), "--alg: supported are RS256, PS256, ES256"),
        (("--alg", "ES256", "--status-lists"), "--alg: status lists are always signed with RS256"),
        (("--alg", "ES256"), "there is no ES256 key: no API and no client uses this algorithm"),
    ):
        refused = service.command("keys", "rotate", *options)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert told in refused.stderr
