"""Refused authorization requests: an error page without a redirect, or an error response to the client."""

import secrets
from typing import Any

import pytest

from .browser import Browser, asked, signed_in
from .code_flow import API, CHALLENGE, REDIRECT_URI, register_backend, register_frontend
from .conftest import ISSUER, Service
from .oauth_client import encode, register

UNKNOWN = "Unknown application"
ELSEWHERE = "Unknown address"
DAMAGED = "This link does not work"
LONG = "x" * 2049
ON_ITS_WAY = "https://evil.example"

NO_REDIRECT: dict[str, tuple[str, dict[str, Any]]] = {
    "client_id missing": (UNKNOWN, {"client_id": None}),
    "client_id empty": (UNKNOWN, {"client_id": ""}),
    "client_id unknown": (UNKNOWN, {"client_id": "client_" + "x" * 32}),
    "client_id reserved": (UNKNOWN, {"client_id": "web"}),
    "client_id no text": (UNKNOWN, {"client_id": "client_'; --"}),
    "client_id too long": (UNKNOWN, {"client_id": LONG}),
    "client_id repeated": (UNKNOWN, {"client_id": ["client_a", "client_b"]}),
    "redirect_uri missing": (ELSEWHERE, {"redirect_uri": None}),
    "redirect_uri empty": (ELSEWHERE, {"redirect_uri": ""}),
    "redirect_uri repeated": (ELSEWHERE, {"redirect_uri": [REDIRECT_URI, REDIRECT_URI]}),
    "redirect_uri of another host": (ELSEWHERE, {"redirect_uri": f"{ON_ITS_WAY}/callback"}),
    "redirect_uri is a prefix": (ELSEWHERE, {"redirect_uri": "https://app.example.com/call"}),
    "redirect_uri with a suffix": (ELSEWHERE, {"redirect_uri": f"{REDIRECT_URI}/more"}),
    "redirect_uri with a slash": (ELSEWHERE, {"redirect_uri": f"{REDIRECT_URI}/"}),
    "redirect_uri in another case": (ELSEWHERE, {"redirect_uri": "https://app.example.com/Callback"}),
    "redirect_uri host in another case": (ELSEWHERE, {"redirect_uri": "https://APP.example.com/callback"}),
    "redirect_uri with a user": (ELSEWHERE, {"redirect_uri": "https://app.example.com@evil.example/callback"}),
    "redirect_uri with our user": (ELSEWHERE, {"redirect_uri": "https://a:b@app.example.com/callback"}),
    "redirect_uri with a fragment": (ELSEWHERE, {"redirect_uri": f"{REDIRECT_URI}#x"}),
    "redirect_uri with a query": (ELSEWHERE, {"redirect_uri": f"{REDIRECT_URI}?a=b"}),
    "redirect_uri with encoded slashes": (ELSEWHERE, {"redirect_uri": "https://app.example.com%2fcallback"}),
    "redirect_uri encoded": (ELSEWHERE, {"redirect_uri": "https://app.example.com/c%61llback"}),
    "redirect_uri with dot segments": (ELSEWHERE, {"redirect_uri": "https://app.example.com/x/../callback"}),
    "redirect_uri on another port": (ELSEWHERE, {"redirect_uri": "https://app.example.com:8443/callback"}),
    "redirect_uri on the default port": (ELSEWHERE, {"redirect_uri": "https://app.example.com:443/callback"}),
    "redirect_uri without TLS": (ELSEWHERE, {"redirect_uri": "http://app.example.com/callback"}),
    "redirect_uri with a space": (ELSEWHERE, {"redirect_uri": f" {REDIRECT_URI}"}),
    "redirect_uri with a backslash": (ELSEWHERE, {"redirect_uri": "https://app.example.com\\@evil.example/callback"}),
    "redirect_uri is a script": (ELSEWHERE, {"redirect_uri": "javascript:alert(1)"}),
    "redirect_uri is data": (ELSEWHERE, {"redirect_uri": "data:text/html,x"}),
    "redirect_uri in another script": (ELSEWHERE, {"redirect_uri": "https://\u0430pp.example.com/callback"}),
    "redirect_uri too long": (ELSEWHERE, {"redirect_uri": f"{REDIRECT_URI}{LONG}"}),
    "a parameter without a name": (DAMAGED, {"": "x"}),
    "a name too long": (DAMAGED, {"x" * 129: "x"}),
    "NUL": (DAMAGED, {"state": "a\0b"}),
    "state too long": (DAMAGED, {"state": "x" * 8193}),
    "state too long in octets": (DAMAGED, {"state": "\U0001f600" * 2049}),
    "too many": (DAMAGED, {f"p{number}": "x" for number in range(64)}),
}


@pytest.mark.parametrize(("title", "changes"), NO_REDIRECT.values(), ids=NO_REDIRECT)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_is_sent_to_a_place_that_is_not_known_to_be_good(
    sqlite_service: Service, title: str, changes: dict[str, Any], method: str
) -> None:
    """RFC 6749 §4.1.2.1, RFC 9700 §4.11.2: an error page with a fixed text."""
    parameters = asked(register_frontend(sqlite_service), **changes)
    client = Browser(sqlite_service).client
    sent = {"params": parameters} if method == "GET" else {"data": parameters}
    response = client.request(method, "/oauth/authorize", **sent)  # type: ignore[arg-type]  # one of the two
    assert (response.status_code, "location" in response.headers) == (400, False)
    assert f'<h1 id="error-title">{title}</h1>' in response.text
    assert "evil" not in response.text
    assert response.headers["cache-control"] == "no-store"


LOOPBACK = [
    "http://127.0.0.1:0/cb",
    "http://127.0.0.1:65536/cb",
    "http://127.0.0.1:080/cb",
    "http://127.0.0.1:/cb",
    "http://127.0.0.1:5000/cb/",
    "http://127.0.0.1:5000/CB",
    "http://127.0.0.1:5000/cb?a=b",
    "http://127.0.0.1:5000@evil.example/cb",
    "http://127.0.0.1.evil.example:5000/cb",
    "http://127.0.0.2:5000/cb",
    "http://localhost:5000/cb",
    "http://[::1]:5000/cb",
    "https://127.0.0.1:5000/cb",
    "http://127.0.0.1:5000\\@evil.example/cb",
    "http://127.0.0.1:5000/cb\n",
    "http://127.1:5000/cb",
]


@pytest.mark.parametrize("uri", LOOPBACK)
def test_only_the_port_of_a_loopback_address_is_free(sqlite_service: Service, uri: str) -> None:
    """RFC 8252 §7.3."""
    frontend = register_frontend(sqlite_service, redirect_uris=["http://127.0.0.1/cb"])
    browser = Browser(sqlite_service).authorize(frontend, redirect_uri=uri)
    assert (browser.last.status_code, browser.page.elements["error-title"]["tag"]) == (400, "h1")


TO_THE_CLIENT: dict[str, tuple[str, dict[str, Any]]] = {
    "response_type missing": ("invalid_request", {"response_type": None}),
    "response_type empty": ("invalid_request", {"response_type": ""}),
    "response_type token": ("unsupported_response_type", {"response_type": "token"}),
    "response_type id_token": ("unsupported_response_type", {"response_type": "id_token"}),
    "response_type code id_token": ("unsupported_response_type", {"response_type": "code id_token"}),
    "response_type in another case": ("unsupported_response_type", {"response_type": "Code"}),
    "response_type repeated": ("invalid_request", {"response_type": ["code", "code"]}),
    "response_mode unknown": ("invalid_request", {"response_mode": "fragment"}),
    "response_mode repeated": ("invalid_request", {"response_mode": ["query", "form_post"]}),
    "scope missing": ("invalid_scope", {"scope": None}),
    "scope empty": ("invalid_scope", {"scope": ""}),
    "scope unknown": ("invalid_scope", {"scope": "todos:admin"}),
    "scope malformed": ("invalid_scope", {"scope": 'openid "x"'}),
    "scope with two spaces": ("invalid_scope", {"scope": "openid  email"}),
    "scope too long": ("invalid_scope", {"scope": "openid " + LONG}),
    "scope repeated": ("invalid_request", {"scope": ["openid", "email"]}),
    "scope not registered": ("invalid_scope", {"scope": "openid todos:write"}),
    "state repeated": ("invalid_request", {"state": ["a", "b"]}),
    "nonce too long": ("invalid_request", {"nonce": LONG}),
    "nonce repeated": ("invalid_request", {"nonce": ["a", "b"]}),
    "unknown parameter repeated": ("invalid_request", {"extra": ["a", "b"]}),
    "code_challenge missing": ("invalid_request", {"code_challenge": None}),
    "code_challenge alone": ("invalid_request", {"code_challenge_method": None}),
    "code_challenge_method plain": ("invalid_request", {"code_challenge_method": "plain"}),
    "code_challenge_method in another case": ("invalid_request", {"code_challenge_method": "s256"}),
    "code_challenge too short": ("invalid_request", {"code_challenge": CHALLENGE[:-1]}),
    "code_challenge too long": ("invalid_request", {"code_challenge": CHALLENGE + "x"}),
    "code_challenge of other letters": ("invalid_request", {"code_challenge": CHALLENGE[:-1] + "="}),
    "code_challenge repeated": ("invalid_request", {"code_challenge": [CHALLENGE, CHALLENGE]}),
    "prompt unknown": ("invalid_request", {"prompt": "create"}),
    "prompt none and another": ("invalid_request", {"prompt": "none login"}),
    "prompt repeated": ("invalid_request", {"prompt": ["none", "none"]}),
    "max_age no number": ("invalid_request", {"max_age": "soon"}),
    "max_age negative": ("invalid_request", {"max_age": "-1"}),
    "max_age a fraction": ("invalid_request", {"max_age": "1.5"}),
    "max_age in other digits": ("invalid_request", {"max_age": "\u0661"}),
    "max_age too large": ("invalid_request", {"max_age": "99999999999"}),
    "login_hint too long": ("invalid_request", {"login_hint": LONG}),
    "acr_values too long": ("invalid_request", {"acr_values": LONG}),
    "display too long": ("invalid_request", {"display": LONG}),
    "ui_locales too long": ("invalid_request", {"ui_locales": LONG}),
    "claims no JSON": ("invalid_request", {"claims": "{"}),
    "claims no object": ("invalid_request", {"claims": "[]"}),
    "claims with NaN": ("invalid_request", {"claims": '{"userinfo":{"name":{"value":NaN}}}'}),
    "claims with a name twice": ("invalid_request", {"claims": '{"userinfo":{},"userinfo":{}}'}),
    "claims with a lone surrogate": ("invalid_request", {"claims": '{"userinfo":{"name":{"value":"\\ud800"}}}'}),
    "claims deep": ("invalid_request", {"claims": '{"a":' * 70 + "1" + "}" * 70}),
    "claims too long": ("invalid_request", {"claims": '{"a":"%s"}' % ("x" * 4096)}),
    "claims userinfo no object": ("invalid_request", {"claims": '{"userinfo":["name"]}'}),
    "claims a claim no object": ("invalid_request", {"claims": '{"id_token":{"name":true}}'}),
    "claims essential no boolean": ("invalid_request", {"claims": '{"id_token":{"acr":{"essential":"yes"}}}'}),
    "claims values no list": ("invalid_request", {"claims": '{"id_token":{"acr":{"values":"aal1"}}}'}),
    "claims two subs": ("invalid_request", {"claims": '{"id_token":{"sub":{"values":["a","b"]}}}'}),
    "claims sub with NUL": ("invalid_request", {"claims": '{"id_token":{"sub":{"value":"a\\u0000b"}}}'}),
    "claims sub no text": ("invalid_request", {"claims": '{"id_token":{"sub":{"value":1}}}'}),
    "resource unknown": ("invalid_target", {"resource": f"{ON_ITS_WAY}/api"}),
    "resource a prefix": ("invalid_target", {"resource": f"{ISSUER}/api"}),
    "one of two resources unknown": ("invalid_target", {"resource": [API, f"{ISSUER}/api/v2"]}),
    "too many resources": ("invalid_target", {"resource": [API, *(f"{API}/{n}" for n in range(10))]}),
    "another API's scope": ("invalid_scope", {"resource": ISSUER}),
    "request": ("request_not_supported", {"request": "eyJhbGciOiJub25lIn0.e30."}),
    "request_uri": ("request_uri_not_supported", {"request_uri": f"{ON_ITS_WAY}/request.jwt"}),
    "registration": ("registration_not_supported", {"registration": "{}"}),
    "id_token_hint no token": ("invalid_request", {"id_token_hint": "x"}),
    "id_token_hint unsigned": (
        "invalid_request",
        {"id_token_hint": f"{encode({'alg': 'none', 'typ': 'JWT', 'kid': 'x'})}.{encode({'iss': ISSUER})}."},
    ),
    "id_token_hint nested deep": ("invalid_request", {"id_token_hint": f"{encode(b'[' * 3000)}.e30.x"}),
    "id_token_hint with a key that is no text": (
        "invalid_request",
        {"id_token_hint": f"{encode({'alg': 'RS256', 'typ': 'JWT', 'kid': chr(0xD800)})}.e30.AAAA"},
    ),
    "id_token_hint too long": ("invalid_request", {"id_token_hint": "x" * 9000}),
}


@pytest.mark.parametrize(("error", "changes"), TO_THE_CLIENT.values(), ids=TO_THE_CLIENT)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_client_is_told_what_is_wrong(
    sqlite_service: Service, error: str, changes: dict[str, Any], method: str
) -> None:
    """RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6: error and state; RFC 9207 §2: `iss`."""
    frontend = register_frontend(sqlite_service, scope="openid email todos:read")
    browser = Browser(sqlite_service)
    parameters = asked(frontend, **changes)
    sent = {"params": parameters} if method == "GET" else {"data": parameters}
    browser.last = browser.client.request(method, "/oauth/authorize", **sent)  # type: ignore[arg-type]  # as above
    assert browser.last.status_code == 303
    assert browser.last.headers["location"].startswith(f"{REDIRECT_URI}?error=")
    expected = {"error": error, "iss": ISSUER} | ({} if "state" in changes else {"state": "af0ifjsldkj"})
    answer = browser.answer
    assert answer.pop("error_description").isascii()
    assert answer == expected
    assert "evil" not in browser.last.headers["location"]
    assert sqlite_service.rows("SELECT * FROM authorization_requests") == []


LONGEST = ["x" * 8192, "!" * 8192, "\U0001f600" * 2048]


@pytest.mark.parametrize("state", LONGEST, ids=["plain", "escaped", "in octets"])
@pytest.mark.parametrize("changes", [{"scope": None}, {"prompt": "none"}], ids=["refused early", "refused late"])
def test_a_long_state_is_given_back_with_every_error(
    sqlite_service: Service, changes: dict[str, Any], state: str
) -> None:
    """RFC 6749 §4.1.2.1."""
    browser = Browser(sqlite_service)
    frontend = register_frontend(sqlite_service)
    for method in ("GET", "POST"):
        parameters = asked(frontend, state=state, **changes)
        sent = {"params": parameters} if method == "GET" else {"data": parameters}
        response = browser.client.request(method, "/oauth/authorize", **sent)  # type: ignore[arg-type]  # as above
        browser._follow(response)
        assert (browser.answer.get("state"), "error" in browser.answer) == (state, True)


def test_a_resource_may_be_said_twice(sqlite_service: Service) -> None:
    """RFC 8707 §2."""
    frontend = register_frontend(sqlite_service, first_party=True)
    assert "code" in signed_in(sqlite_service).authorize(frontend, resource=[API, API]).answer


def test_public_clients_have_pkce_whatever_they_register(sqlite_service: Service) -> None:
    """RFC 9700 §2.1.1."""
    frontend = register_frontend(sqlite_service, require_pkce=False)
    answer = Browser(sqlite_service).authorize(frontend, code_challenge=None, code_challenge_method=None).answer
    assert answer["error"] == "invalid_request"


PROTECTED: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "a challenge": ({}, {"nonce": None}, True),
    "a nonce": ({}, {"code_challenge": None, "code_challenge_method": None}, True),
    "neither": ({}, {"code_challenge": None, "code_challenge_method": None, "nonce": None}, False),
    "a nonce without openid": (
        {}, {"code_challenge": None, "code_challenge_method": None, "scope": "todos:read", "resource": API}, False,
    ),
    "a nonce where PKCE is required": (
        {"require_pkce": True}, {"code_challenge": None, "code_challenge_method": None}, False,
    ),
    "neither where it need not be": (
        {"require_pkce": False}, {"code_challenge": None, "code_challenge_method": None, "nonce": None}, True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("registered", "changes", "is_good"), PROTECTED.values(), ids=PROTECTED)
def test_client_that_authenticates_sends_a_challenge_or_a_nonce(
    sqlite_service: Service, registered: dict[str, Any], changes: dict[str, Any], is_good: bool
) -> None:
    """RFC 9700 §2.1.1."""
    backend = register_backend(sqlite_service, first_party=True, **registered)
    answer = signed_in(sqlite_service).authorize(backend, **{"nonce": "n", **changes}).answer
    assert (answer.get("error"), "code" in answer) == (None if is_good else "invalid_request", is_good)
    if is_good:
        verifier = {"code_verifier": None} if "code_challenge" in changes else {}
        assert backend.redeem(answer["code"], **verifier).status_code == 200


@pytest.mark.parametrize("method", ["plain", "S256"])
def test_method_without_challenge_is_a_mistake(sqlite_service: Service, method: str) -> None:
    backend = register_backend(sqlite_service, require_pkce=False)
    answer = Browser(sqlite_service).authorize(backend, code_challenge=None, code_challenge_method=method).answer
    assert answer["error"] == "invalid_request"


def test_verifier_without_challenge_is_a_downgrade(sqlite_service: Service) -> None:
    """RFC 9700 §4.8.2: an attacker has removed the challenge from the request."""
    backend = register_backend(sqlite_service, require_pkce=False, first_party=True)
    browser = signed_in(sqlite_service).authorize(backend, code_challenge=None, code_challenge_method=None)
    assert backend.redeem(browser.answer["code"]).json()["error"] == "invalid_grant"


def test_a_service_has_nobody_to_authorize_it(sqlite_service: Service) -> None:
    service_client = register(sqlite_service, redirect_uris=[REDIRECT_URI])
    frontend = register_frontend(sqlite_service)
    answer = Browser(sqlite_service).authorize(frontend, client_id=service_client.client_id).answer
    assert answer["error"] == "unauthorized_client"


def test_an_access_token_is_no_hint(sqlite_service: Service) -> None:
    """RFC 8725 §3.12. An ID token of another client is not a hint either."""
    frontend, other = (register_frontend(sqlite_service, first_party=True) for _ in range(2))
    browser = signed_in(sqlite_service)
    tokens = other.redeem(browser.authorize(other).answer["code"]).json()
    for hint in (tokens["access_token"], tokens["id_token"]):
        assert browser.authorize(frontend, id_token_hint=hint, prompt="none").answer["error"] == "invalid_request"
    header, payload, signature = tokens["id_token"].split(".")
    forged = f"{header}.{payload}.{signature[:-4]}AAAA"
    assert browser.authorize(other, id_token_hint=forged, prompt="none").answer["error"] == "invalid_request"


BODIES: list[tuple[int, bytes, str]] = [
    (400, b'{"client_id":"x"}', "application/json"),
    (400, b"client_id=x", "text/plain"),
    (400, b"client_id=x", ""),
    (400, b"client_id=%ff", "application/x-www-form-urlencoded"),
    (400, b"client_id=%zz", "application/x-www-form-urlencoded"),
    (400, b"client_id=x", "application/x-www-form-urlencoded; charset=utf-16"),
    (413, b"client_id=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
    (400, b"", "application/x-www-form-urlencoded"),
]


@pytest.mark.parametrize(("status", "body", "media_type"), BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("path", ["/oauth/authorize", "/signin", "/signup", "/consent", "/select-account"])
def test_a_form_that_cannot_be_read_gets_a_page(
    sqlite_service: Service, path: str, status: int, body: bytes, media_type: str
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = Browser(sqlite_service).client.post(path, content=body, headers=headers)
    if body:
        assert response.status_code == status
    assert response.status_code in (400, 403, 413)
    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("query", ["%ff=x", "client_id=%", "client_id=%ff", "a=b&=c", "client_id=a%00", "&&&", "%"])
def test_an_address_that_cannot_be_read_gets_a_page(sqlite_service: Service, query: str) -> None:
    response = Browser(sqlite_service).client.get(f"/oauth/authorize?{query}")
    assert response.status_code == 400
    assert "error-title" in response.text


HANDLES = ["", "x", "x" * 43, "\u00e9" * 43, "x" * 5000, secrets.token_urlsafe(32), "../../etc/passwd", "' OR 1=1 --"]


@pytest.mark.parametrize("handle", HANDLES, ids=range(len(HANDLES)))
@pytest.mark.parametrize("path", ["/oauth/authorize", "/signin", "/signup", "/consent", "/select-account"])
def test_a_handle_that_names_nothing_gets_a_page(sqlite_service: Service, path: str, handle: str) -> None:
    response = Browser(sqlite_service).client.get(path, params={"authorization_request": handle})
    nobody_asks = {"/signin": 200, "/signup": 200, "/consent": 303}
    assert response.status_code == (400 if handle else nobody_asks.get(path, 400))
    assert "evil" not in response.headers.get("location", "")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_do_not_exist(sqlite_service: Service, method: str) -> None:
    assert Browser(sqlite_service).client.request(method, "/oauth/authorize").status_code == 405


def test_authorize_knows_no_cors(sqlite_service: Service) -> None:
    """RFC 9700 §2.6."""
    frontend = register_frontend(sqlite_service)
    headers = {"Origin": "https://app.example.com"}
    client = Browser(sqlite_service).client
    for response in (
        client.get("/oauth/authorize", params=asked(frontend), headers=headers),
        client.options("/oauth/authorize", headers=headers | {"Access-Control-Request-Method": "POST"}),
    ):
        assert not [name for name in response.headers if name.startswith("access-control")]
