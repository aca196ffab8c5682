"""The place of a token in a request, and the responses to refused ones (R1 to R7, R19, R22 to R25 of VERIFIER.md)."""

import re
import time
import uuid
from typing import Any

import httpx2
import pytest

from todo_fixtures import issuer, proofs
from todo_fixtures.forgeries import FORGERIES, MALFORMED
from todo_fixtures.issuer import ISSUER, JwksEndpoint, jwk, token
from todo_fixtures.service import Service

METADATA = f"{ISSUER}/.well-known/oauth-protected-resource/api/v1"
TODOS = "/api/v1/todos"
# RFC 9110 §11.2: a scheme, then parameters, each of them once.
PARAMETER = re.compile(r'(\w+)="([\x20-\x21\x23-\x5b\x5d-\x7e]*)"(?:, |$)')


def challenge(response: httpx2.Response) -> dict[str, str]:
    """The parameters of the one Bearer challenge. Checks R6, too."""
    [value] = response.headers.get_list("WWW-Authenticate")
    assert value.startswith("Bearer ")
    parameters = PARAMETER.findall(value.removeprefix("Bearer "))
    assert PARAMETER.sub("", value.removeprefix("Bearer ")) == ""
    assert len({name for name, _ in parameters}) == len(parameters)
    return dict(parameters)


def check_problem(response: httpx2.Response, status: int, slug: str) -> dict[str, Any]:
    """R22, R23: the response is a problem with the same status, and must not be stored."""
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["type"]) == (status, f"urn:problem-type:todo:{slug}")
    assert problem["title"]
    assert problem["instance"] == response.url.raw_path.decode().partition("?")[0]
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "private, no-store"
    return problem


def get(service: Service, *authorization: str, path: str = TODOS, **more: Any) -> httpx2.Response:
    headers = [("Authorization", value) for value in authorization]
    return service.client().get(path, headers=headers, **more)


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param([], id="none"),
        pytest.param(["Basic YWxpY2U6c2VjcmV0"], id="basic"),
        pytest.param(["Bearertoken"], id="no-space"),
        pytest.param([""], id="empty"),
    ],
)
def test_without_a_bearer_token_the_challenge_has_no_error_code(
    sqlite_service: Service, authorization: list[str]
) -> None:
    """R1: RFC 6750 §3.1, RFC 9728 §5.1."""
    response = get(sqlite_service, *authorization)
    check_problem(response, 401, "authentication-required")
    assert challenge(response) == {"resource_metadata": METADATA}


def test_a_token_that_is_bound_to_a_key_needs_a_proof_for_this_request(sqlite_service: Service) -> None:
    """R28: RFC 9449 §7.1. The URL in the proof is the public one, whatever Host says."""
    text, url = token(cnf={"jkt": proofs.OF_CLIENT}), f"{ISSUER}{TODOS}"

    def send(*sent: str, path: str = TODOS, scheme: str = "DPoP", bound: str = text) -> httpx2.Response:
        headers = [("Authorization", f"{scheme} {bound}"), *(("DPoP", each) for each in sent)]
        return sqlite_service.client().get(path, headers=headers)

    def proof(bound: str = text, **changes: Any) -> str:
        return proofs.proof(**{"htu": url, "jti": uuid.uuid4().hex, "ath": proofs.ath(bound), **changes})

    first = proof()
    assert send(first).status_code == 200
    assert send(proof(), path=f"{TODOS}?limit=1", scheme="dpop").status_code == 200
    own_host = proof(htu=f"{sqlite_service.url}{TODOS}")
    wrong = ((first,), (), (proof(), proof()), (proof(htm="POST"),), (proof(htu=f"{url}/1"),), (own_host,), ("x",))
    for each in wrong:
        response = send(*each)
        check_problem(response, 401, "invalid-token")
        assert dpop_challenge(response)["error"] == "invalid_dpop_proof"
    unbound, narrow = token(), token(cnf={"jkt": proofs.OF_CLIENT}, scope="todos:write")
    assert dpop_challenge(send(proof(unbound), bound=unbound))["error"] == "invalid_token"
    response = send(proof(narrow), bound=narrow)
    check_problem(response, 403, "insufficient-scope")
    assert dpop_challenge(response)["scope"] == "todos:read"
    assert challenge(get(sqlite_service, f"Bearer {text}"))["error"] == "invalid_token"


def test_proofs_are_signed_by_es256_or_ps256(sqlite_service: Service) -> None:
    """R28: FAPI 2.0 §5.4.1 leaves RS256 out. An RSA key has both algorithms, so that of the token decides nothing."""
    text, url = token(cnf={"jkt": proofs.OF_RSA}), f"{ISSUER}{TODOS}"
    for alg, status in {"RS256": 401, "PS256": 200}.items():
        header = {"alg": alg, "jwk": proofs.rsa_jwk()}
        proof = proofs.proof(header, proofs.by_rsa(alg), htu=url, jti=uuid.uuid4().hex, ath=proofs.ath(text))
        response = sqlite_service.client().get(TODOS, headers={"Authorization": f"DPoP {text}", "DPoP": proof})
        assert response.status_code == status, alg
        if status == 401:
            assert dpop_challenge(response)["error"] == "invalid_dpop_proof"


def dpop_challenge(response: httpx2.Response) -> dict[str, str]:
    [value] = response.headers.get_list("WWW-Authenticate")
    assert value.startswith("DPoP ")
    parameters = dict(PARAMETER.findall(value.removeprefix("DPoP ")))
    assert (parameters["algs"], parameters["resource_metadata"]) == ("ES256 PS256", METADATA)
    return parameters


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_not_case_sensitive(sqlite_service: Service, scheme: str) -> None:
    assert get(sqlite_service, f"{scheme} {token()}").status_code == 200


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda t: {"authorization": (f"Bearer {t}", f"Bearer {t}")}, id="twice"),
        pytest.param(lambda t: {"authorization": (f"Bearer {t}", "Basic eDp5")}, id="two-schemes"),
        pytest.param(lambda t: {"authorization": ("Bearer",)}, id="empty"),
        pytest.param(lambda t: {"authorization": (f"Bearer {t} {t}",)}, id="two-in-one"),
        pytest.param(lambda t: {"authorization": (f"Bearer {t}, Bearer {t}",)}, id="joined"),
        pytest.param(lambda t: {"authorization": (f"Bearer {t}",), "params": {"access_token": t}}, id="query-too"),
        pytest.param(lambda t: {"authorization": (), "params": {"access_token": t}}, id="R7-query-only"),
        pytest.param(lambda t: {"authorization": (), "params": {"access_token": ""}}, id="R7-query-empty"),
    ],
)
def test_a_malformed_request_is_an_invalid_request(sqlite_service: Service, make: Any) -> None:
    """R2, R7: RFC 6750 §3.1."""
    request = make(token())
    response = get(sqlite_service, *request.pop("authorization"), **request)
    check_problem(response, 400, "invalid-request")
    assert challenge(response)["error"] == "invalid_request"


@pytest.mark.parametrize("authorized", [True, False])
def test_a_token_in_a_form_is_an_invalid_request(sqlite_service: Service, authorized: bool) -> None:
    """R2: tokens in forms (RFC 6750 §2.2) are not supported."""
    client = sqlite_service.client(token() if authorized else None)
    response = client.post(TODOS, data={"title": "x", "access_token": token()})
    check_problem(response, 400, "invalid-request")


def test_a_form_of_many_fields_is_searched_for_a_token(sqlite_service: Service) -> None:
    """Anybody can send a form, as this happens before a token is verified. Parsing this one would block for 100 ms."""
    client = sqlite_service.client(None)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post(TODOS, content=b"a&" * 100_000, headers=form).status_code == 401
    assert client.post(TODOS, content=b"a&" * 1_000 + b"access_token=x", headers=form).status_code == 400


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_tokens_are_refused(sqlite_service: Service, name: str) -> None:
    """R3, R8 to R16, R19: every forged token gets 401, never a 500, and no header quotes it."""
    text = FORGERIES[name]()
    client = sqlite_service.client()
    response = client.get(TODOS, headers=[(b"Authorization", b"Bearer " + text.encode("latin-1"))])
    if response.status_code == 400 and name in MALFORMED:
        check_problem(response, 400, "invalid-request")
        return
    problem = check_problem(response, 401, "invalid-token")
    parameters = challenge(response)
    assert parameters.keys() == {"error", "error_description", "resource_metadata"}
    assert parameters["error"] == "invalid_token"
    assert problem["detail"] == parameters["error_description"]
    assert set(response.headers) >= {"www-authenticate", "x-request-id"}
    assert "x-injected" not in response.headers


@pytest.mark.parametrize(
    ("scope", "method", "missing"),
    [
        ("todos:write", "GET", "todos:read"),
        ("todos:read", "POST", "todos:write"),
        ("", "GET", "todos:read"),
        (None, "GET", "todos:read"),
        ("todos:read2 xtodos:read TODOS:READ", "GET", "todos:read"),
        ("todos:*", "POST", "todos:write"),
    ],
)
def test_a_missing_scope_is_forbidden_and_named(
    sqlite_service: Service, scope: str | None, method: str, missing: str
) -> None:
    """R4: RFC 6750 §3.1."""
    response = sqlite_service.person(scope=scope).request(method, TODOS, json={"title": "x"})
    check_problem(response, 403, "insufficient-scope")
    parameters = challenge(response)
    assert (parameters["error"], parameters["scope"]) == ("insufficient_scope", missing)


def test_a_foreign_todo_is_absent_and_nothing_about_the_token_is_wrong(shared_service: Service) -> None:
    """R5."""
    created = shared_service.person().post(TODOS, json={"title": "x"}).json()
    response = shared_service.person().get(f"{TODOS}/{created['id']}")
    check_problem(response, 404, "not-found")
    assert "WWW-Authenticate" not in response.headers


def test_the_owner_in_the_path_must_be_the_subject(sqlite_service: Service) -> None:
    response = sqlite_service.person().get("/api/v1/users/somebody/todos")
    check_problem(response, 403, "other-user")
    assert "WWW-Authenticate" not in response.headers


def test_a_key_published_a_moment_ago_is_learned_while_the_caller_waits(jwks: JwksEndpoint, run_service: Any) -> None:
    """R19, J5."""
    with run_service() as service:
        service.wait_until_ready()
        jwks.keys.append(jwk("second"))
        assert get(service, f"Bearer {token('second')}").status_code == 200


def test_without_keys_the_answer_is_try_later(jwks: JwksEndpoint, run_service: Any) -> None:
    """R19: 503 and not 401, because after a 401 a client would discard its token."""
    jwks.status = 500
    with run_service() as service:
        response = get(service, f"Bearer {token()}")
        check_problem(response, 503, "keys-unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert "WWW-Authenticate" not in response.headers
        assert get(service).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_personal_answers_are_not_stored(sqlite_service: Service, method: str) -> None:
    """R23."""
    response = sqlite_service.person().request(method, TODOS, json={"title": "x"})
    assert response.is_success
    assert response.headers["Cache-Control"] == "private, no-store"


def test_headers_that_claim_an_identity_have_no_effect(shared_service: Service) -> None:
    """R24."""
    alice, bob = uuid.uuid4().hex, uuid.uuid4().hex
    shared_service.person(bob).post(TODOS, json={"title": "Bob's"})
    claims = {f"X-{name}": bob for name in ("User", "User-Id", "JWT-Sub", "Internal-User", "Forwarded-User")}
    forwarded = {"X-Forwarded-Host": "evil.example.com", "X-Forwarded-Proto": "https", "X-Original-URL": "/livez"}
    response = shared_service.person(alice).get(TODOS, headers={**claims, **forwarded})
    assert response.json()["items"] == []
    assert "evil" not in str(shared_service.client().get(TODOS, headers=forwarded).headers)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("gateway-0123456789", True), ("short", False), ("x" * 65, False), ('quote"12345', False), ("ü" * 8, False)],
)
def test_a_request_id_is_kept_when_it_is_harmless(sqlite_service: Service, given: str, kept: bool) -> None:
    headers = [(b"X-Request-ID", given.encode("latin-1"))]
    assert (sqlite_service.client().get("/livez", headers=headers).headers["X-Request-ID"] == given) is kept


def test_a_token_seen_before_expires_all_the_same(jwks: JwksEndpoint, run_service: Any) -> None:
    """R13, for a token in the cache of verified tokens."""
    now = time.time()
    clock = [now]
    with run_service(clock=lambda: clock[0]) as service:
        service.wait_until_ready()
        alice = service.client(token(iat=int(now), exp=int(now) + 3))
        for seconds, status in [(0, 200), (2, 200), (4, 200), (64, 401), (65, 401)]:
            clock[0] = now + seconds
            assert alice.get(TODOS).status_code == status


def test_a_service_token_owns_only_its_own(shared_service: Service) -> None:
    """R17: the token's `sub` is the client's id, and the service sees only its own todos."""
    shared_service.person("alice").post(TODOS, json={"title": "x"})
    client_id = f"client {uuid.uuid4().hex}"
    machine = shared_service.client(issuer.token(sub=client_id, client_id=client_id))
    assert machine.get(TODOS).json()["items"] == []
