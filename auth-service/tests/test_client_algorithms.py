"""A client's ID tokens and logout tokens are signed with the algorithm that it registered (`ALG`)."""

import json
from typing import Any

import httpx2
import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from auth_service.clients.algorithms import find_clients, find_used
from auth_service.keys import pairs
from auth_service.keys.jws import Signer, sign
from auth_service.oauth.algorithms import USERINFO_ALG
from auth_service.oauth.id_token import hash_token
from auth_service.store.database import Database

from .code_flow import METADATA, Frontend, register_frontend, sign_up
from .conftest import ISSUER, Service, Start
from .oauth_client import claims_of, encode, public_jwk, register
from .test_account_events import receiving, send
from .test_api_algorithms import activate, alg_of, published
from .test_logout import BYE
from .test_userinfo import ask
from .waiting import wait_until

ALG = "id_token_signed_response_alg"
PUBLIC = {**METADATA, "token_endpoint_auth_method": "none"}
pytestmark = pytest.mark.usefixtures("quick_reload")


def create(service: Service, alg: str, **changes: Any) -> tuple[Frontend, str]:
    """Register a client by command. Returns what the command said on standard error, too."""
    done = service.command("clients", "create", stdin=json.dumps({**PUBLIC, ALG: alg, **changes}))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made[ALG] == alg
    return Frontend(service, made["client_id"], ""), done.stderr


@pytest.mark.parametrize("alg", ["ES256", "PS256"])
def test_a_client_gets_id_tokens_hints_and_logout_tokens_of_its_algorithm(
    start: Start, database_url: str, alg: str
) -> None:
    service = start(database_url)
    with receiving() as receiver:
        receiver.status = 200
        uris = {"backchannel_logout_uri": receiver.url, "post_logout_redirect_uris": [BYE]}
        frontend, said = create(service, alg, **uris)
        told = f"RS256 signs ID tokens for {frontend.client_id}, which it may refuse, for now. The first {alg} key"
        assert told in said
        person = sign_up(service)
        assert alg_of(frontend.tokens(person)["id_token"]) == "RS256"
        kid = activate(service, alg)
        tokens = frontend.tokens(person)
        header = {"alg": alg, "kid": kid, "typ": "JWT"}
        assert jwt.get_unverified_header(tokens["id_token"]) == header
        assert alg_of(tokens["access_token"]) == "RS256", "its API has not asked for another one"
        assert alg_of(register_frontend(service).tokens(person)["id_token"]) == "RS256"
        keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()
        found = joserfc_jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=[alg]).claims
        key = jwt.PyJWKSet.from_dict(keys)[kid]
        assert jwt.decode(tokens["id_token"], key, [alg], audience=frontend.client_id, issuer=ISSUER) == found
        assert found["at_hash"] == hash_token(tokens["access_token"])

        out = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE}
        asked = person.browser.get(f"{service.url}/oauth/logout", params=out)
        assert asked.status_code == 303, asked.text
        assert person.browser.post("/sign-out", json={}).status_code == 200
        send(service)
        [logout_token] = receiver.tokens
        assert jwt.get_unverified_header(logout_token) == {**header, "typ": "logout+jwt"}
        assert jwt.decode(logout_token, key, [alg], audience=frontend.client_id, issuer=ISSUER)["sub"] == found["sub"]


def test_userinfo_is_signed_with_the_algorithm_that_the_client_registered_for_it(start: Start, sqlite_url: str) -> None:
    """Also if nothing else uses that algorithm: registering for it makes its first key."""
    service = start(sqlite_url)
    done = service.command("clients", "create", stdin=json.dumps({**PUBLIC, USERINFO_ALG: "ES256"}))
    frontend, person = Frontend(service, json.loads(done.stdout)["client_id"]), sign_up(service)
    assert f"RS256 signs userinfo responses for {frontend.client_id}, which it may refuse, for now" in done.stderr
    token = frontend.tokens(person)["access_token"]
    assert alg_of(ask(service, token).text) == "RS256"
    kid = activate(service, "ES256")
    signed = ask(service, token).text
    assert jwt.get_unverified_header(signed) == {"alg": "ES256", "kid": kid, "typ": "JWT"}
    keys = jwt.PyJWKSet.from_dict(httpx2.get(f"{service.url}/.well-known/jwks.json").json())
    claims = jwt.decode(signed, keys[kid], ["ES256"], audience=frontend.client_id, issuer=ISSUER)
    assert claims["sub"] == person.account_id
    assert alg_of(frontend.tokens(person)["id_token"]) == "RS256"


def test_a_hint_is_checked_by_the_algorithm_of_its_key_and_no_other(start: Start, sqlite_url: str) -> None:
    """RFC 8725 §3.1. A forged hint says who a request is about, so it must not be taken."""
    service = start(sqlite_url)
    frontend, _ = create(service, "ES256", post_logout_redirect_uris=[BYE])
    es256 = activate(service, "ES256")
    person = sign_up(service)
    good = frontend.tokens(person)["id_token"]
    rs256 = next(kid for kid, alg in published(service).items() if alg == "RS256")
    own = {alg: pairs.generate(alg) for alg in ("RS256", "ES256")}

    def headed(alg: str, kid: str) -> str:
        return f"{encode({'alg': alg, 'kid': kid, 'typ': 'JWT'})}.{good.partition('.')[2]}"

    forged = [headed("RS256", es256), headed("PS256", es256), headed("ES256", rs256), headed("none", es256)]
    forged += [sign(claims_of(good), typ="JWT", by=Signer(alg, es256, key)) for alg, key in own.items()]
    forged += [sign(claims_of(good), typ="JWT", by=Signer(alg, rs256, key)) for alg, key in own.items()]
    for hint in forged:
        params = {"id_token_hint": hint, "post_logout_redirect_uri": BYE}
        assert person.browser.get(f"{service.url}/oauth/logout", params=params).status_code == 400, hint
    params = {"id_token_hint": good, "post_logout_redirect_uri": BYE}
    assert person.browser.get(f"{service.url}/oauth/logout", params=params).status_code == 303


def test_only_what_a_client_registered_counts_as_use(service: Service) -> None:
    """A text in a name or in a key is not a registration."""
    trap = f'{ALG}": "ES256'
    register(service, client_name=trap)
    key = public_jwk("rsa", **{ALG: "ES256"})
    register(service, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [key], ALG: "ES256"})
    surrogate = {"keys": [public_jwk("rsa", note="\ud800\u0000")]}
    register_frontend(service, **{ALG: "PS256"}, jwks=surrogate)
    register_frontend(service, **{ALG: "RS256"})

    async def run(database: Database) -> tuple[int, set[str]]:
        async with database.reading() as session:
            return len([each async for each in find_clients(session, "PS256")]), set(await find_used(session))

    assert service.do(run) == (1, {"RS256", "PS256"})


def test_a_client_begins_at_once_when_the_algorithm_has_an_active_key(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    create(service, "ES256")
    activate(service, "ES256")
    frontend, said = create(service, "ES256")
    assert said == ""
    person = sign_up(service)
    assert alg_of(frontend.tokens(person)["id_token"]) == "ES256"
    back = json.dumps({**PUBLIC, ALG: "RS256"})
    assert service.command("clients", "update", frontend.client_id, stdin=back).returncode == 0
    service.forget()
    wait_until(lambda: alg_of(frontend.tokens(person)["id_token"]) == "RS256")
