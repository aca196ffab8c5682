"""atjwt.fastapi: what an endpoint requires, the challenges, the metadata of the resource, and OpenAPI."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import FastAPI

from atjwt import AccessToken, Verifier, WhenStale
from atjwt.bearer import Denied
from atjwt.fastapi import Protection
from atjwt.testing import Issuer
from todo_fixtures.event_loop import in_a_loop, until

README = Path(__file__).parents[1] / "verifier/python/README.md"
METADATA = "https://api.example.com/.well-known/oauth-protected-resource/billing"
protection = Protection(Verifier("https://id.example.com", "https://api.example.com/billing"))
app = FastAPI(lifespan=protection.lifespan)
app.include_router(protection.router)


@app.get("/me")
async def me(token: Annotated[AccessToken, protection.requires()]) -> str:
    return token.sub


@app.get("/invoices")
async def invoices(token: Annotated[AccessToken, protection.requires("billing:read", role="accountant")]) -> str:
    return token.sub


@app.delete("/invoices", dependencies=[protection.requires("billing:read", "billing:write", max_age=300)])
async def delete_invoices() -> None: ...


@app.get("/public", dependencies=[protection.requires(when_stale=WhenStale.ACCEPT)])
async def public() -> None: ...


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as made, made.standing_in_for(protection.verifier):
        yield made


def call(
    method: str, path: str, token: str | None = None, *, application: FastAPI = app, **more: Any
) -> httpx2.Response:
    headers = more.pop("headers", [] if token is None else [("Authorization", f"Bearer {token}")])

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(application)
        async with httpx2.AsyncClient(transport=transport, base_url="https://api.example.com") as client:
            return await client.request(method, path, headers=headers, **more)

    return asyncio.run(send())


def challenge(answer: httpx2.Response) -> str:
    return answer.headers["WWW-Authenticate"].removesuffix(f', resource_metadata="{METADATA}"')


def test_who_has_scope_and_role_is_let_in(issuer: Issuer) -> None:
    token = issuer.token("alice", scope="billing:read billing:write", roles=["accountant"])
    assert call("GET", "/invoices", token).json() == "alice"
    assert call("DELETE", "/invoices", token).status_code == 200


def test_without_a_token_the_challenge_has_no_error_code(issuer: Issuer) -> None:
    """RFC 6750 §3.1, RFC 9728 §5.1."""
    for headers in ([], [("Authorization", "Basic YTpi")]):
        answer = call("GET", "/me", headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
            401,
            f'Bearer resource_metadata="{METADATA}"',
        )


def test_a_malformed_request_is_an_invalid_request(issuer: Issuer) -> None:
    token = issuer.token()
    twice = [("Authorization", f"Bearer {token}")] * 2
    in_query = call("GET", f"/me?access_token={token}")
    for answer in (call("GET", "/me", headers=twice), in_query, call("GET", "/me", ""), call("GET", "/me", "a b")):
        assert answer.status_code == 400
        assert 'error="invalid_request"' in challenge(answer)


def test_a_refused_token_says_why_and_nothing_of_itself(issuer: Issuer) -> None:
    revoked = issuer.token("alice")
    issuer.revoke(revoked)
    for token in (revoked, issuer.token(aud="https://other.example.com"), 'x"error="none'):
        answer = call("GET", "/me", token)
        assert (answer.status_code, answer.headers["WWW-Authenticate"].count("error=")) == (401, 1)
        assert 'error="invalid_token"' in challenge(answer)


def test_a_missing_scope_is_named(issuer: Issuer) -> None:
    answer = call("DELETE", "/invoices", issuer.token(scope="billing:write"))
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in challenge(answer)
    assert 'scope="billing:read billing:write"' in challenge(answer)


def test_a_missing_role_is_forbidden(issuer: Issuer) -> None:
    """There is no challenge, since no other scope would help."""
    answer = call("GET", "/invoices", issuer.token(scope="billing:read", roles=["reader"]))
    assert (answer.status_code, answer.json()["detail"]) == (403, "This needs the role accountant.")
    assert "WWW-Authenticate" not in answer.headers


def test_an_old_sign_in_is_asked_to_be_repeated(issuer: Issuer) -> None:
    """RFC 9470 §3."""
    scope = "billing:read billing:write"
    answer = call("DELETE", "/invoices", issuer.token(scope=scope, signed_in=timedelta(minutes=6)))
    assert answer.status_code == 401
    assert 'error="insufficient_user_authentication"' in challenge(answer)
    assert 'max_age="300"' in challenge(answer)
    assert call("DELETE", "/invoices", issuer.token("job", client_id="job", scope=scope)).status_code == 200
    assert call("DELETE", "/invoices", issuer.token(scope=scope, auth_time=None)).status_code == 401
    assert call("DELETE", "/invoices", issuer.token(scope=scope, signed_in=-timedelta(hours=1))).status_code == 401


def test_an_outage_is_503_and_only_where_it_matters(issuer: Issuer) -> None:
    issuer.down()
    issuer.travel(timedelta(hours=1))
    answer = call("GET", "/me", issuer.token())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert call("GET", "/public", issuer.token()).status_code == 200


def test_the_resource_is_described_to_everybody(issuer: Issuer) -> None:
    """RFC 9728 §3."""
    answer = call("GET", METADATA)
    assert answer.json() == {
        "resource": "https://api.example.com/billing",
        "authorization_servers": [issuer.url],
        "scopes_supported": ["billing:read", "billing:write"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
    }
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_an_audience_that_is_no_url_has_no_metadata(issuer: Issuer) -> None:
    plain = Protection(Verifier("https://id.example.com", "billing"))
    assert plain.refusal(Denied(401, "")).headers == {"WWW-Authenticate": "Bearer"}
    assert plain.router.routes == []


def test_openapi_names_the_scheme() -> None:
    document = app.openapi()
    assert document["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"
    assert document["paths"]["/me"]["get"]["security"] == [{"accessToken": []}]


def test_the_lines_of_the_readme_protect_an_api(issuer: Issuer) -> None:
    """As they are written there. The issuer stands in for the one that they name."""
    text = README.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(text, names)  # the README's own code
    with issuer.standing_in_for(names["protection"].verifier):
        allowed, refused = issuer.token("bob", scope="invoices:read"), issuer.token("bob")
        assert call("GET", "/invoices", allowed, application=names["app"]).json() == "invoices of bob"
        assert call("GET", "/invoices", refused, application=names["app"]).status_code == 403
        issuer.revoke(allowed)
        assert call("GET", "/invoices", allowed, application=names["app"]).status_code == 401


@in_a_loop
async def test_the_lifespan_of_the_application_keeps_keys_fresh() -> None:
    with Issuer() as issuer:
        own = Protection(Verifier(issuer.url, issuer.audience))
        async with own.lifespan(FastAPI()):
            await until(lambda: own.verifier.is_ready)
            assert own.verifier.verify(issuer.token()).sub == "alice"


def test_a_token_that_is_bound_to_a_key_is_let_in_with_a_proof_for_this_request(issuer: Issuer) -> None:
    """RFC 9449 §7.1. The Host header, which a thief can choose, does not count."""
    key = issuer.client_key()
    token = issuer.token("alice", cnf=key.cnf)

    def send(*proofs: str, path: str = "/me", **headers: str) -> httpx2.Response:
        sent = [("Authorization", f"DPoP {token}"), *(("DPoP", proof) for proof in proofs), *headers.items()]
        return call("GET", path, headers=sent)

    url = "https://api.example.com/me"
    proof = key.proof(token, "GET", url)
    assert send(proof).json() == "alice"
    refused = {
        "replayed": send(proof),
        "missing": send(),
        "two": send(key.proof(token, "GET", url), key.proof(token, "GET", url)),
        "another URL": send(key.proof(token, "GET", "https://api.example.com/invoices")),
        "another host": send(key.proof(token, "GET", "https://evil.example.com/me"), Host="evil.example.com"),
        "another method": send(key.proof(token, "DELETE", url)),
    }
    for name, answer in refused.items():
        assert answer.status_code == 401, name
        assert challenge(answer).startswith('DPoP error="invalid_dpop_proof", error_description="'), name
        assert challenge(answer).endswith(', algs="ES256 PS256 RS256"'), name
    as_bearer = call("GET", "/me", token)
    assert (as_bearer.status_code, challenge(as_bearer)[:28]) == (401, 'Bearer error="invalid_token"')
    other = send(issuer.client_key().proof(token, "GET", url))
    assert (other.status_code, challenge(other)[:26]) == (401, 'DPoP error="invalid_token"')
    proof = key.proof(token, "GET", "https://api.example.com/invoices")
    assert challenge(send(proof, path="/invoices"))[:31] == 'DPoP error="insufficient_scope"'
