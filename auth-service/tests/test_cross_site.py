"""Cross-site requests: Origin rules, callback URLs and CORS."""

import pytest

from auth_service.network.trusted_origins import TrustedOrigins

from .conftest import ISSUER, PASSWORD, Service

NAVIGATION = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

# With a cookie, every POST needs a trusted Origin or Referer.
WITH_COOKIE: dict[str, tuple[dict[str, str], str | None]] = {
    "the issuer": ({"Origin": ISSUER}, None),
    "a trusted origin": ({"Origin": "https://app.example.com"}, None),
    "a wildcard's": ({"Origin": "https://one.apps.example.com"}, None),
    "the issuer's page as Referer": ({"Referer": f"{ISSUER}/a?b"}, None),
    "null, but same-origin": ({"Origin": "null", "Sec-Fetch-Site": "same-origin", "Host": "localhost:8080"}, None),
    "nothing": ({}, "MISSING_OR_NULL_ORIGIN"),
    "null": ({"Origin": "null"}, "MISSING_OR_NULL_ORIGIN"),
    "null, cross-site": ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, "MISSING_OR_NULL_ORIGIN"),
    "null, same-origin elsewhere": (
        {"Origin": "null", "Sec-Fetch-Site": "same-origin", "Host": "evil.example.net"},
        "MISSING_OR_NULL_ORIGIN",
    ),
    "no URL as Referer": ({"Referer": "about:blank"}, "MISSING_OR_NULL_ORIGIN"),
    "hostile": ({"Origin": "https://evil.example.net"}, "INVALID_ORIGIN"),
    "hostile, with our page as Referer": ({"Origin": "https://evil.example.net", "Referer": ISSUER}, "INVALID_ORIGIN"),
    "a prefix": ({"Origin": "http://localhost:80800"}, "INVALID_ORIGIN"),
    "the issuer as user": ({"Origin": "http://localhost:8080@evil.example.net"}, "INVALID_ORIGIN"),
    "another port": ({"Origin": "http://localhost:8081"}, "INVALID_ORIGIN"),
    "another scheme": ({"Origin": "https://localhost:8080"}, "INVALID_ORIGIN"),
    "the same machine by another name": ({"Origin": "http://127.0.0.1:8080"}, "INVALID_ORIGIN"),
    "the wildcard's own domain": ({"Origin": "https://apps.example.com"}, "INVALID_ORIGIN"),
    "the wildcard as a suffix": ({"Origin": "https://evil.net/.apps.example.com"}, "INVALID_ORIGIN"),
    "not ASCII": ({"Origin": "https://\u00e9.example.net"}, "INVALID_ORIGIN"),
}


@pytest.mark.parametrize(("headers", "code"), WITH_COOKIE.values(), ids=WITH_COOKIE)
def test_a_cookie_needs_a_trusted_origin(sqlite_service: Service, headers: dict[str, str], code: str | None) -> None:
    """Rule 1 applies with any cookie, even one of another application."""
    sent = [(name.encode(), value.encode()) for name, value in {**headers, "Cookie": "foo=bar"}.items()]
    response = sqlite_service.client(headers={}).post("/sign-out", headers=sent, json={})
    assert response.status_code == (200 if code is None else 403)
    assert response.json().get("code") == code


# Without cookies, the Origin is checked only for endpoints that start a session, and only for a browser's request.
WITHOUT_COOKIE: dict[str, tuple[dict[str, str], str | None]] = {
    "curl": ({}, None),
    "the issuer": ({"Origin": ISSUER}, None),
    "node's fetch": ({"Sec-Fetch-Mode": "cors"}, "MISSING_OR_NULL_ORIGIN"),
    "null": ({"Origin": "null"}, "MISSING_OR_NULL_ORIGIN"),
    "hostile": ({"Origin": "https://evil.example.net"}, "INVALID_ORIGIN"),
    "hostile Referer": ({"Referer": "https://evil.example.net/"}, "INVALID_ORIGIN"),
    "a form on another site": ({**NAVIGATION, "Origin": ISSUER}, "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"),
}


@pytest.mark.parametrize(("headers", "code"), WITHOUT_COOKIE.values(), ids=WITHOUT_COOKIE)
@pytest.mark.parametrize("path", ["/sign-up/email", "/sign-in/email"])
def test_a_browsers_sign_in_needs_a_trusted_origin(
    sqlite_service: Service, path: str, headers: dict[str, str], code: str | None
) -> None:
    """Rule 2: it is also an attack to sign a victim in to the attacker's account."""
    sqlite_service.signed_up("ann@example.com")
    email = "ann@example.com" if "in" in path else "new@example.com"
    body = {"name": "Ann", "email": email, "password": PASSWORD}
    response = sqlite_service.client(headers={}).post(path, headers=headers, json=body)
    assert response.status_code == (200 if code is None else 403), response.text
    assert response.json().get("code") == code


def test_a_bearer_without_cookies_is_never_asked_for_its_origin(sqlite_service: Service) -> None:
    """Rule 3: no browser adds a bearer token by itself."""
    signed = sqlite_service.signed_up().cookies["better-auth.session_token"]
    headers = {"Authorization": f"Bearer {signed}", "Origin": "https://evil.example.net"}
    assert sqlite_service.client(headers=headers).post("/sign-out", json={}).status_code == 200
    assert sqlite_service.rows("SELECT * FROM browser_sessions") == []


def test_a_get_is_never_refused_for_its_origin(sqlite_service: Service) -> None:
    """Rule 4: CORS keeps other pages from reading the answer to a GET."""
    client = sqlite_service.signed_up()
    response = client.get("/get-session", headers={"Origin": "https://evil.example.net"})
    assert response.json() is not None
    assert "access-control-allow-origin" not in response.headers


SAFE = ["/", "/dash", "/dash?next=%2Fa#b", "/a-b/c_d.e@f", f"{ISSUER}/x", "https://app.example.com/in?a=1"]
OPEN_REDIRECTS = [
    "//evil.example.net", "///evil.example.net", "/\\evil.example.net", "\\\\evil.example.net",
    "/a//evil.example.net", "/%2fevil.example.net", "/%2Fevil.example.net", "/%5cevil.example.net", "/a%2f..",
    "https://evil.example.net", "HTTPS://EVIL.example.net", "http:evil.example.net",
    "https:/evil.example.net", "javascript:alert(1)", "data:text/html,x", "dash", "", " /dash", "/da sh",
    "/dash\n", "/da\tsh", "/\x00", "/%0a", "https://app.example.com@evil.example.net",
    "https://app.example.com:444", "https://app.example.com.evil.net", "https://app.example.com\\@evil.net",
    "//app.example.com", "ftp://app.example.com", "https://[::1", "https://app.example.com:port", "?a=b",
    "#a", "/\u2028",
]  # fmt: skip


@pytest.mark.parametrize("url", SAFE)
def test_own_paths_and_trusted_origins_may_be_redirected_to(url: str) -> None:
    assert TrustedOrigins(ISSUER, ["https://app.example.com"]).allows_redirect_to(url)


@pytest.mark.parametrize("url", OPEN_REDIRECTS)
def test_no_spelling_of_another_place_is_redirected_to(url: str) -> None:
    assert not TrustedOrigins(ISSUER, ["https://app.example.com"]).allows_redirect_to(url)


CALLBACKS = {
    "callbackURL": "INVALID_CALLBACK_URL",
    "redirectTo": "INVALID_REDIRECT_URL",
    "errorCallbackURL": "INVALID_ERROR_CALLBACK_URL",
    "newUserCallbackURL": "INVALID_NEW_USER_CALLBACK_URL",
}


@pytest.mark.parametrize(("name", "code"), CALLBACKS.items())
def test_a_body_that_leads_elsewhere_is_refused(sqlite_service: Service, name: str, code: str) -> None:
    """Rule 5 is checked before the body's other members."""
    client = sqlite_service.client()
    for url, status in (("//evil.example.net", 403), ("https://evil.example.net/", 403), (7, 400)):
        response = client.post("/sign-in/email", json={name: url})
        assert response.status_code == status
        assert response.json().get("code") == (code if status == 403 else None)
        assert "message" in response.json()
    led = client.post("/sign-in/email", params={name: "//evil.example.net"}, json={})
    assert (led.status_code, led.json()["code"]) == (403, code), "a callback URL in the query was not checked"


@pytest.mark.parametrize("pattern", ["*", "https://*", "example.com", "https://a.example.com/x", "ftp://*.a.com", ""])
def test_patterns_that_trust_everything_or_nothing_are_no_setting(pattern: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        TrustedOrigins(ISSUER, [pattern])


def test_a_preflight_allows_trusted_origins_what_the_client_needs(sqlite_service: Service) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    response = sqlite_service.client(headers={}).options(
        "/sign-in/email", headers={"Origin": "https://app.example.com", **asked}
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example.com"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-allow-headers"] == "content-type, authorization"
    assert "POST" in response.headers["access-control-allow-methods"]
    hostile = sqlite_service.client(headers={}).options(
        "/sign-in/email", headers={"Origin": "https://evil.example.net", **asked}
    )
    assert not [name for name in hostile.headers if name.startswith("access-control-")]
    assert "Origin" in hostile.headers["vary"]


def test_answers_are_readable_to_trusted_origins_only_and_expose_what_the_client_reads(sqlite_service: Service) -> None:
    trusted = sqlite_service.client(headers={"Origin": "https://app.example.com"})
    for response in (trusted.get("/get-session"), trusted.post("/sign-in/email", json={})):
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"
        exposed = response.headers["access-control-expose-headers"]
        assert all(name in exposed for name in ("set-auth-token", "set-auth-jwt", "x-retry-after"))
        assert "Origin" in response.headers["vary"]


def test_the_key_set_is_readable_to_everybody(sqlite_service: Service) -> None:
    client = sqlite_service.client(headers={"Origin": "https://evil.example.net"})
    for path in ("jwks.json", "openid-configuration", "oauth-authorization-server"):
        response = client.get(f"{sqlite_service.url}/.well-known/{path}")
        assert response.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in response.headers
