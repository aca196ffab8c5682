"""Request objects (RFC 9101): by value, signed by the algorithm that the client registered; at authorize and PAR."""

from collections.abc import Mapping
from typing import Any

import httpx2
import jwt

from .browser import Browser, asked, signed_in
from .code_flow import API, Frontend, register_frontend
from .conftest import ISSUER, Service
from .oauth_client import encode, private_key, public_jwk

MEMBER = "request_object_signing_alg"


def key_for(alg: str) -> str:
    return "ec" if alg == "ES256" else "rsa"


def signing_frontend(service: Service, alg: str = "ES256", **changes: Any) -> Frontend:
    return register_frontend(service, **{MEMBER: alg, "jwks": {"keys": [public_jwk(key_for(alg))]}, **changes})


def signed(
    frontend: Frontend,
    alg: str = "ES256",
    *,
    key: str = "",
    header: Mapping[str, Any] = {},
    further: Mapping[str, Any] = {},
    **claims: Any,
) -> str:
    """A request object; a claim or a header that is None is left out."""
    now = int(frontend.service.clock().timestamp())
    made = {
        **asked(frontend),
        "iss": frontend.client_id,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 60,
        **claims,
        **further,
    }
    head = {"typ": "oauth-authz-req+jwt", "kid": key_for(alg), **header}
    return jwt.encode(
        {name: value for name, value in made.items() if value is not None},
        private_key(key or key_for(alg)),
        alg,
        headers={name: value for name, value in head.items() if value is not None},
    )


def test_a_request_inside_a_signed_object_counts_and_nothing_beside_it(sqlite_service: Service) -> None:
    """§5, §6.3. By GET, by POST, and pushed."""
    browser = signed_in(sqlite_service)
    for alg in ("RS256", "PS256", "ES256"):
        frontend = signing_frontend(sqlite_service, alg, first_party=True)
        beside = {"client_id": frontend.client_id, "state": "other", "redirect_uri": "https://evil.example/"}
        request = signed(frontend, alg, max_age=3600, resource=[API], claims={"userinfo": {"name": None}})
        pushed = httpx2.post(f"{sqlite_service.url}/oauth/par", data={**beside, "request": request})
        assert pushed.status_code == 201, pushed.text
        names = {"client_id": frontend.client_id, "request_uri": pushed.json()["request_uri"]}
        answers = [
            browser.open("/oauth/authorize", **beside, request=request).answer,
            browser.post("/oauth/authorize", **beside, request=request).answer,
            browser.open("/oauth/authorize", **names).answer,
        ]
        for answer in answers:
            assert answer["state"] == asked(frontend)["state"]
            assert frontend.redeem(answer["code"]).json()["scope"] == asked(frontend)["scope"]


def test_objects_that_prove_nothing_are_refused(sqlite_service: Service) -> None:
    """§6.2, §10.8: a page, because only the object says where an answer may go; as JSON where it is pushed."""
    frontend, other = signing_frontend(sqlite_service, first_party=True), signing_frontend(sqlite_service)
    now, good = int(sqlite_service.clock().timestamp()), signed(frontend)
    head, payload, signature = good.split(".")
    bad = {
        "no JWT": "x",
        "unsigned": f"{encode({'alg': 'none'})}.{payload}.",
        "unsigned with a signature": f"{encode({'alg': 'none'})}.{payload}.{signature}",
        "another signature": f"{head}.{payload}.{'A' * len(signature)}",
        "another payload": f"{head}.{signed(frontend, state='x').split('.')[1]}.{signature}",
        "another key": signed(frontend, key="ec2"),
        "another algorithm": signed(frontend, "RS256"),
        "another client's": signed(other),
        "typ of an assertion": signed(frontend, header={"typ": "client-authentication+jwt"}),
        "typ of an access token": signed(frontend, header={"typ": "at+jwt"}),
        "crit": signed(frontend, header={"crit": ["x"], "x": 1}),
        "kid unknown": signed(frontend, header={"kid": "x"}),
        "iss missing": signed(frontend, iss=None),
        "iss another": signed(frontend, iss=other.client_id),
        "client_id missing": signed(frontend, client_id=None),
        "client_id another": signed(frontend, client_id=other.client_id),
        "sub": signed(frontend, sub=frontend.client_id),
        "aud missing": signed(frontend, aud=None),
        "aud another": signed(frontend, aud="https://other.example"),
        "aud several": signed(frontend, aud=[ISSUER, "https://other.example"]),
        "exp missing": signed(frontend, exp=None),
        "exp passed": signed(frontend, exp=now - 61),
        "exp far ahead": signed(frontend, exp=now + 7200),
        "nbf in the future": signed(frontend, nbf=now + 90),
        "a request_uri inside": signed(frontend, request_uri="https://evil.example/"),
        "a request inside": signed(frontend, request=good),
        "a list": signed(frontend, state=["a", "b"]),
        "a number": signed(frontend, state=1),
        "NUL": signed(frontend, state="a\0b"),
        "too many": signed(frontend, further={f"p{number}": "x" for number in range(64)}),
        "too long": signed(frontend, state="x" * 33_000),
    }
    browser = signed_in(sqlite_service)
    for name, request in bad.items():
        names = {"client_id": frontend.client_id, "request": request}
        page = browser.post("/oauth/authorize", **names).last
        assert (page.status_code, "invalid_request_object" in page.text) == (400, True), name
        pushed = httpx2.post(f"{sqlite_service.url}/oauth/par", data=names)
        assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request_object"), name
    assert "code" in browser.open("/oauth/authorize", client_id=frontend.client_id, request=good).answer


def test_what_is_wrong_with_the_request_inside_is_told_as_for_any_other(sqlite_service: Service) -> None:
    frontend, browser = signing_frontend(sqlite_service), Browser(sqlite_service)
    for name, error in (("scope", "invalid_scope"), ("code_challenge", "invalid_request")):
        request = signed(frontend, further={name: None})
        answer = browser.open("/oauth/authorize", client_id=frontend.client_id, request=request).answer
        assert (answer["error"], answer["state"]) == (error, asked(frontend)["state"])
    stranger = signed(frontend, redirect_uri="https://evil.example/")
    page = browser.open("/oauth/authorize", client_id=frontend.client_id, request=stranger).last
    assert (page.status_code, "location" in page.headers) == (400, False)


def test_only_a_client_that_registered_for_them_sends_request_objects(sqlite_service: Service) -> None:
    signing, plain = signing_frontend(sqlite_service), register_frontend(sqlite_service)
    answer = Browser(sqlite_service).authorize(plain, request=signed(signing, iss=plain.client_id)).answer
    assert answer["error"] == "request_not_supported"
