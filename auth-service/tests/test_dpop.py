"""DPoP (RFC 9449): proofs at the token endpoint, at /oauth/par and at /oauth/userinfo, and tokens bound to a key."""

from datetime import timedelta
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.oauth.client_assertion import ASSERTION_TYPE
from auth_service.oauth.dpop_proof import _thumbprint
from auth_service.sealed.nonces import Nonces
from auth_service.store.instants import utc_now

from .browser import asked, signed_in
from .code_flow import REDIRECT_URI, VERIFIER, Frontend, register_backend, register_frontend, sign_up
from .conftest import ISSUER, Service
from .dpop_client import Prover, required
from .oauth_client import GRANT, claims_of, encode, post, register, register_with_key
from .test_par import push

RSA_1024 = {"kty": "RSA", "e": "AQAB", "n": "AQ" + "A" * 169 + "Q"}


def test_a_service_gets_a_token_that_is_bound_to_its_key(service: Service) -> None:
    """§5, §6.1: `cnf.jkt` and `token_type`; §8: the answer has a nonce for the next proof."""
    client, prover = register(service), Prover(service)
    auth = (client.client_id, client.secret)
    answer = post(service, GRANT, auth=auth, headers=prover.header())
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    assert claims_of(answer.json()["access_token"])["cnf"] == {"jkt": prover.jkt}
    nonce = answer.headers["DPoP-Nonce"]
    rsa = Prover(service, "rsa")
    for alg in ("PS256", "RS256"):
        answer = post(service, GRANT, auth=auth, headers=rsa.header(alg=alg, nonce=nonce))
        assert claims_of(answer.json()["access_token"])["cnf"] == {"jkt": rsa.jkt}
    plain = post(service, GRANT, auth=auth)
    assert (plain.json()["token_type"], "DPoP-Nonce" in plain.headers) == ("Bearer", False)
    assert "cnf" not in claims_of(plain.json()["access_token"])


def bad_proofs(prover: Prover, path: str, method: str, token: str | None) -> dict[str, str]:
    """Proofs that prove nothing, each with a nonce that is good (§4.3)."""
    nonce, now = prover.nonce(), int(prover.service.clock().timestamp())
    good = prover.proof(path, method, token=token, nonce=nonce)
    head, payload, signature = good.split(".")

    def made(**changes: Any) -> str:
        return prover.proof(path, method, token=token, **{"nonce": nonce, **changes})

    proofs = {
        "empty": "",
        "no JWT": "x",
        "two segments": f"{head}.{payload}",
        "four segments": f"{good}.{signature}",
        "too long": made(jti="x" * 4000),
        "no JSON": f"{encode(b'{')}.{payload}.{signature}",
        "not base64url": f"{head}.{payload}.{signature}=",
        "deep": f"{encode(b'[' * 3000)}.{payload}.{signature}",
        "unsigned": f"{encode({'alg': 'none', 'typ': 'dpop+jwt', 'jwk': required('ec')})}.{payload}.",
        "signed by a secret": jwt.encode(
            jwt.decode(good, options={"verify_signature": False}),
            "x" * 32,
            "HS256",
            headers={"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "x"}},
        ),
        "another signature": f"{head}.{payload}.{'A' * len(signature)}",
        "signed by another key": made(signed_by="ec2"),
        "an RSA key for ES256": made(header={"jwk": required("rsa")}),
        "a private key": made(header={"jwk": {**required("ec"), "d": "AA"}}),
        "a small key": made(header={"jwk": RSA_1024}),
        "a point off the curve": made(header={"jwk": {**required("ec"), "x": required("ec2")["x"]}}),
        "no key": made(header={"jwk": None}),
        "a key that is no object": made(header={"jwk": "x"}),
        "a key of numbers": made(header={"jwk": {"kty": "EC", "crv": "P-256", "x": 1, "y": 2}}),
        "a key of another kind": made(header={"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}}),
        "typ JWT": made(header={"typ": "JWT"}),
        "typ at+jwt": made(header={"typ": "at+jwt"}),
        "no typ": made(header={"typ": None}),
        "crit": made(header={"crit": ["x"], "x": 1}),
        "jti missing": made(jti=None),
        "jti empty": made(jti=""),
        "jti a number": made(jti=1),
        "jti too long": made(jti="x" * 257),
        "htm missing": made(htm=None),
        "htm another": made(htm="DELETE"),
        "htm in small letters": made(htm=method.lower()),
        "htu missing": made(htu=None),
        "htu of another path": made(htu=f"{ISSUER}/oauth/tokens"),
        "htu of another host": made(htu=f"https://evil.example{path}"),
        "htu of another scheme": made(htu=f"https://localhost:8080{path}"),
        "htu without a port": made(htu=f"http://localhost{path}"),
        "htu with a user": made(htu=f"http://a@localhost:8080{path}"),
        "htu with a slash": made(htu=f"{ISSUER}{path}/"),
        "htu no URI": made(htu="http://[::1"),
        "htu not ASCII": made(htu=f"http://localhost:8080{path}\u0430"),
        "htu a list": made(htu=[f"{ISSUER}{path}"]),
        "iat missing": made(iat=None),
        "iat a text": made(iat=str(now)),
        "iat true": made(iat=True),
        "iat too old": made(iat=now - 121),
        "iat in the future": made(iat=now + 90),
        "iat out of range": made(iat=2**62),
        "nonce a number": made(nonce=1),
    }
    if token is not None:
        proofs |= {
            "ath missing": made(ath=None),
            "ath of another token": made(ath="x" * 43),
            "ath a number": made(ath=1),
        }
    return proofs


def test_proofs_that_prove_nothing_are_refused(sqlite_service: Service) -> None:
    client, prover = register(sqlite_service), Prover(sqlite_service)
    proofs = bad_proofs(prover, "/oauth/token", "POST", None)
    auth = (client.client_id, client.secret)
    answers = {name: post(sqlite_service, GRANT, auth=auth, headers={"DPoP": proof}) for name, proof in proofs.items()}
    told = {name: (answer.status_code, answer.json().get("error")) for name, answer in answers.items()}
    assert told == dict.fromkeys(proofs, (400, "invalid_dpop_proof"))
    two = [("DPoP", prover.proof()), ("DPoP", prover.proof())]
    answer = httpx2.post(f"{sqlite_service.url}/oauth/token", data=GRANT, auth=auth, headers=two)
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert sqlite_service.rows("SELECT count(*) FROM used_assertions") == [(0,)]


def test_an_address_in_a_proof_may_be_spelled_in_another_way(sqlite_service: Service) -> None:
    """§4.3: query and fragment are ignored. RFC 3986 §6.2.2.1: so is the case of scheme and host."""
    client, prover = register(sqlite_service), Prover(sqlite_service)
    for htu in (f"{ISSUER}/oauth/token?a=b#c", "HTTP://LOCALHOST:8080/oauth/token"):
        answer = post(sqlite_service, GRANT, auth=(client.client_id, client.secret), headers=prover.header(htu=htu))
        assert answer.status_code == 200, answer.text


def test_a_proof_needs_a_nonce_of_ours_of_the_last_minutes(sqlite_service: Service) -> None:
    """§8: any process may have made it. A refusal for its lack spends no client assertion."""
    client, prover = register_with_key(sqlite_service), Prover(sqlite_service)
    assertion = client.assertion()
    form = {**GRANT, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    nonces = Nonces(sqlite_service.settings.versioned("secret"), "DPoP")
    strangers = Nonces({1: "another-secret-of-32-characters-x"}, "DPoP")
    now = sqlite_service.clock()
    bad = {
        "none": None,
        "stale": nonces.make(now=now - timedelta(minutes=5)),
        "of the future": nonces.make(now=now + timedelta(minutes=2)),
        "of another service": strangers.make(now=now),
        "of another purpose": Nonces(sqlite_service.settings.versioned("secret"), "x").make(now=now),
        "invented": "x" * 28,
        "not base64": "\u0021" * 28,
        "long": "x" * 256,
    }
    for name, nonce in bad.items():
        answer = post(sqlite_service, form, headers=prover.header(nonce=nonce))
        assert (answer.status_code, answer.json()["error"]) == (400, "use_dpop_nonce"), name
        assert nonces.accepts(answer.headers["DPoP-Nonce"], now=now)
    other_process = nonces.make(now=now - timedelta(minutes=3))
    assert post(sqlite_service, form, headers=prover.header(nonce=other_process)).status_code == 200


def test_nonces_outlive_a_rotation_of_their_secret() -> None:
    old, now = {1: "x" * 32}, utc_now()
    rotated = Nonces({2: "y" * 32, **old}, "DPoP")
    assert rotated.accepts(Nonces(old, "DPoP").make(now=now), now=now)
    assert rotated.make(now=now) != Nonces(old, "DPoP").make(now=now)


def test_a_proof_is_accepted_once(service: Service) -> None:
    """§11.1. Only proofs of requests that are good otherwise are remembered, so strangers fill nothing."""
    client, prover = register(service), Prover(service)
    auth, header = (client.client_id, client.secret), prover.header()
    assert post(service, {**GRANT, "scope": "x"}, auth=auth, headers=header).json()["error"] == "invalid_scope"
    assert post(service, GRANT, auth=(client.client_id, "wrong"), headers=header).status_code == 401
    assert service.rows("SELECT count(*) FROM used_assertions") == [(0,)]
    assert post(service, GRANT, auth=auth, headers=header).status_code == 200
    again = post(service, GRANT, auth=auth, headers=header)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
    assert service.rows("SELECT count(*) FROM used_assertions") == [(1,)]


def redeem(frontend: Frontend, code: str, headers: dict[str, str], **changes: Any) -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return send(frontend, {**form, **changes}, headers)


def refresh(frontend: Frontend, token: str, headers: dict[str, str]) -> httpx2.Response:
    return send(frontend, {"grant_type": "refresh_token", "refresh_token": token}, headers)


def send(frontend: Frontend, form: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
    secret = {"client_secret": frontend.secret} if frontend.secret else {}
    return post(frontend.service, {"client_id": frontend.client_id, **secret, **form}, headers=headers)


def test_the_tokens_of_a_public_client_are_its_keys_alone(service: Service) -> None:
    """§5: the refresh token is bound as well. Without the key it is of no use, and its use ends nothing."""
    person, frontend, prover = sign_up(service), register_frontend(service), Prover(service)
    tokens = redeem(frontend, frontend.authorize(person), prover.header()).json()
    assert tokens["token_type"] == "DPoP"
    thief = Prover(service, "ec2")
    for headers in ({}, thief.header()):
        stolen = refresh(frontend, tokens["refresh_token"], headers)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    renewed = refresh(frontend, tokens["refresh_token"], prover.header()).json()
    assert claims_of(renewed["access_token"])["cnf"] == {"jkt": prover.jkt}
    for headers in ({}, thief.header()):
        assert refresh(frontend, tokens["refresh_token"], headers).json()["error"] == "invalid_grant"
    again = refresh(frontend, tokens["refresh_token"], prover.header())
    assert again.json()["refresh_token"] == renewed["refresh_token"], "the grace for a lost answer"


def test_a_client_that_authenticates_may_change_its_key(sqlite_service: Service) -> None:
    """§5: its refresh tokens are bound to the client already."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    first, second = Prover(sqlite_service), Prover(sqlite_service, "ec2")
    tokens = redeem(backend, backend.authorize(person), first.header()).json()
    renewed = refresh(backend, tokens["refresh_token"], second.header()).json()
    assert claims_of(renewed["access_token"])["cnf"] == {"jkt": second.jkt}
    plain = refresh(backend, renewed["refresh_token"], {}).json()
    assert (plain["token_type"], "cnf" in claims_of(plain["access_token"])) == ("Bearer", False)


def test_a_code_is_bound_to_the_key_that_its_request_named(sqlite_service: Service) -> None:
    """§10: `dpop_jkt` binds the code from the start. A refused redemption leaves it good."""
    frontend, prover = register_frontend(sqlite_service, first_party=True), Prover(sqlite_service)
    browser, thief = signed_in(sqlite_service), Prover(sqlite_service, "ec2")
    code = browser.authorize(frontend, dpop_jkt=prover.jkt).answer["code"]
    for headers in ({}, thief.header()):
        assert redeem(frontend, code, headers).json()["error"] == "invalid_grant"
    spent = prover.header()
    assert redeem(frontend, code, spent).status_code == 200
    other = browser.authorize(frontend, dpop_jkt=prover.jkt).answer["code"]
    assert redeem(frontend, other, spent).json()["error"] == "invalid_dpop_proof"
    assert redeem(frontend, other, prover.header()).status_code == 200
    for text in ("x", "x" * 44, "\u00e9" * 43, ["x" * 43, "y" * 43]):
        assert browser.authorize(frontend, dpop_jkt=text).answer["error"] == "invalid_request"


def test_a_pushed_request_may_bring_a_proof_instead(sqlite_service: Service) -> None:
    """§10.1: the key of the proof is the `dpop_jkt`; if both are sent, they agree."""
    frontend, prover = register_frontend(sqlite_service, first_party=True), Prover(sqlite_service)
    browser, thief = signed_in(sqlite_service), Prover(sqlite_service, "ec2")

    def pushed(headers: dict[str, str], **changes: Any) -> httpx2.Response:
        return httpx2.post(f"{sqlite_service.url}/oauth/par", data=asked(frontend, **changes), headers=headers)

    assert pushed(prover.header("/oauth/par", nonce=None)).json()["error"] == "use_dpop_nonce"
    assert pushed(prover.header()).json()["error"] == "invalid_dpop_proof", "of another endpoint"
    differs = pushed(prover.header("/oauth/par"), dpop_jkt=thief.jkt)
    assert differs.json()["error"] == "invalid_dpop_proof"
    for changes in ({}, {"dpop_jkt": prover.jkt}):
        header = prover.header("/oauth/par")
        answer = pushed(header, **changes)
        assert "DPoP-Nonce" in answer.headers
        assert pushed(header, **changes).json()["error"] == "invalid_dpop_proof", "used before"
        names = {"client_id": frontend.client_id, "request_uri": answer.json()["request_uri"]}
        code = browser.open("/oauth/authorize", **names).answer["code"]
        assert redeem(frontend, code, thief.header()).json()["error"] == "invalid_grant"
        assert redeem(frontend, code, prover.header()).status_code == 200
    assert push(frontend, dpop_jkt="x").json()["error"] == "invalid_request"


def test_a_client_may_insist_on_bound_tokens(sqlite_service: Service) -> None:
    """§5.2: `dpop_bound_access_tokens`."""
    member = {"dpop_bound_access_tokens": True}
    robot, frontend = register(sqlite_service, **member), register_frontend(sqlite_service, **member)
    prover, person = Prover(sqlite_service), sign_up(sqlite_service)
    code = frontend.authorize(person)
    for answer in (robot.token(), frontend.redeem(code)):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert redeem(frontend, code, prover.header()).status_code == 200
    assert post(sqlite_service, GRANT, auth=(robot.client_id, robot.secret), headers=prover.header()).status_code == 200


def userinfo(service: Service, scheme: str, token: str, headers: dict[str, str]) -> httpx2.Response:
    return httpx2.get(f"{service.url}/oauth/userinfo", headers={"Authorization": f"{scheme} {token}", **headers})


def test_userinfo_wants_the_proof_of_a_bound_token(sqlite_service: Service) -> None:
    """§7: a bound token is no bearer token, and the other way round."""
    person, frontend, prover = sign_up(sqlite_service), register_frontend(sqlite_service), Prover(sqlite_service)
    token = redeem(frontend, frontend.authorize(person), prover.header()).json()["access_token"]
    bearer = frontend.tokens(person)["access_token"]
    at = ("/oauth/userinfo", "GET")
    good = prover.header(*at, token=token)
    told = userinfo(sqlite_service, "DPoP", token, good)
    assert (told.status_code, told.json()["sub"]) == (200, person.account_id)
    assert "DPoP-Nonce" in told.headers
    thief = Prover(sqlite_service, "ec2")
    refused = {
        "as bearer": ("Bearer", token, {}, "invalid_token"),
        "as bearer with a proof": ("Bearer", token, prover.header(*at, token=token), "invalid_token"),
        "no proof": ("DPoP", token, {}, "invalid_dpop_proof"),
        "a used proof": ("DPoP", token, good, "invalid_dpop_proof"),
        "a thief's": ("DPoP", token, thief.header(*at, token=token), "invalid_token"),
        "an unbound token": ("DPoP", bearer, prover.header(*at, token=bearer), "invalid_token"),
        "no nonce": ("dpop", token, prover.header(*at, token=token, nonce=None), "use_dpop_nonce"),
    }
    for name, (scheme, shown, headers, error) in refused.items():
        answer = userinfo(sqlite_service, scheme, shown, headers)
        assert (answer.status_code, answer.json()["error"]) == (401, error), name
        is_bearer = scheme == "Bearer"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer " if is_bearer else "DPoP "), name
        assert ('algs="ES256' in answer.headers["WWW-Authenticate"]) != is_bearer, name
    proofs = bad_proofs(prover, *at, token)
    answers = {name: userinfo(sqlite_service, "DPoP", token, {"DPoP": proof}) for name, proof in proofs.items()}
    told_of = {name: (answer.status_code, answer.json().get("error")) for name, answer in answers.items()}
    assert told_of == dict.fromkeys(proofs, (401, "invalid_dpop_proof"))


def test_introspection_tells_the_key(sqlite_service: Service) -> None:
    """§6.2."""
    client, prover = register(sqlite_service), Prover(sqlite_service)
    auth = (client.client_id, client.secret)
    token = post(sqlite_service, GRANT, auth=auth, headers=prover.header()).json()["access_token"]
    told = httpx2.post(f"{sqlite_service.url}/oauth/introspect", data={"token": token}, auth=auth).json()
    assert (told["active"], told["token_type"], told["cnf"]) == (True, "DPoP", {"jkt": prover.jkt})


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/userinfo", "/oauth/par"])
def test_a_page_may_send_proofs_and_read_nonces(sqlite_service: Service, path: str) -> None:
    register_frontend(sqlite_service)
    origin = {"Origin": "https://app.example.com"}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "dpop"}
    allowed = httpx2.options(f"{sqlite_service.url}{path}", headers=origin | asks)
    assert "dpop" in allowed.headers["Access-Control-Allow-Headers"].split(", ")
    answer = httpx2.post(f"{sqlite_service.url}{path}", data={}, headers=origin)
    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"].split(", ")


def test_a_thumbprint_is_that_of_its_rfc() -> None:
    """RFC 9449 §4.1 and §6.1: the example key and its thumbprint."""
    key = {
        "kty": "EC",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        "crv": "P-256",
    }
    assert _thumbprint(key) == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
