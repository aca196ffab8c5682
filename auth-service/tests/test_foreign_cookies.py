"""Cookies named like ours, set by other applications of the domain or of the same host, and cookies of two sessions.

A browser sends all of them, in an order that the other application can choose.
"""

from collections.abc import Callable

import httpx2
import pytest

from .browser import Browser, signed_in
from .code_flow import register_frontend
from .conftest import ISSUER, PASSWORD, Service, Start

SESSION, DEVICE, BROWSER = "better-auth.session_token", "better-auth.known_device", "browser"
ANN = {"email": "ann@example.com", "password": PASSWORD}
FOREIGN = {
    "of another Better Auth application": f"{'t' * 32}.{'A' * 43}%3D",
    "of the length of ours": "x" * 43,
    "empty": "",
    "long": "x" * 20_000,
    "not ASCII": "%C3%A4%F0%9F%98%80." + "A" * 44,
}
Order = Callable[[str, str], str]
ORDERS: dict[str, Order] = {
    "first": lambda ours, foreign: f"{foreign}; {ours}",
    "last": lambda ours, foreign: f"{ours}; {foreign}",
    "around": lambda ours, foreign: f"{foreign}; {ours}; {foreign}",
}


def jar(browser: Browser) -> str:
    return "; ".join(f"{name}={value}" for name, value in browser.client.cookies.items())


def bare(service: Service, cookie: str) -> httpx2.Client:
    """A client that sends exactly these cookies, and keeps none."""
    client = httpx2.Client(base_url=service.url, headers={"Origin": ISSUER, "Cookie": cookie}, timeout=30)
    service.opened.append(client)
    return client


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("name", [SESSION, BROWSER, DEVICE])
def test_a_foreign_cookie_changes_nothing(sqlite_service: Service, name: str, foreign: str, order: Order) -> None:
    browser = signed_in(sqlite_service)
    client = bare(sqlite_service, order(jar(browser), f"{name}={foreign}"))
    assert client.get("/api/auth/get-session").json()["user"]["email"] == "ann@example.com"
    signout = Browser(sqlite_service)
    signout.client = client
    assert "ann@example.com" in signout.open("/signin").page.text
    form = signout.open("/signout").fields("signout-form")[1]
    assert client.post("/signout", data={**form, "decision": "sign-out"}).status_code == 200
    assert client.get("/api/auth/get-session").json() is None


@pytest.mark.parametrize("name", [SESSION, BROWSER, DEVICE])
def test_beside_a_foreign_cookie_a_person_can_sign_in(service: Service, name: str) -> None:
    signed_in(service)
    foreign = f"{name}={FOREIGN['of another Better Auth application']}"
    frontend = register_frontend(service, first_party=True)
    browser = Browser(service)

    def add_foreign(request: httpx2.Request) -> None:
        request.headers["Cookie"] = "; ".join(filter(None, (foreign, request.headers.get("Cookie"))))

    browser.client.event_hooks = {"request": [add_foreign]}
    browser.authorize(frontend).sign_in()
    assert "code" in browser.answer


def test_a_device_stays_known_beside_a_foreign_cookie(sqlite_service: Service) -> None:
    ours = sqlite_service.signed_up("ann@example.com").cookies[DEVICE]
    client = bare(sqlite_service, f"{DEVICE}=foreign.{'A' * 44}; {DEVICE}={ours}")
    answer = client.post("/api/auth/sign-in/email", json=ANN)
    [device] = [cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith(DEVICE)]
    assert device.partition(";")[0] == f"{DEVICE}={ours}", "the device was forgotten"


def named(response: httpx2.Response, name: str) -> list[str]:
    return [cookie for cookie in response.headers.get_list("set-cookie") if cookie.startswith(f"{name}=")]


def two_sessions(service: Service) -> tuple[str, str]:
    ann, eve = signed_in(service), signed_in(service, "eve@example.com")
    return ann.client.cookies[SESSION], eve.client.cookies[SESSION]


@pytest.mark.parametrize("path", ["/signin", "/signout", "/consent"])
def test_of_two_sessions_none_counts_and_the_person_is_told(sqlite_service: Service, path: str) -> None:
    """One may be an attacker's, set for the parent domain, so that the person works in the attacker's account."""
    ann, eve = two_sessions(sqlite_service)
    refused = bare(sqlite_service, f"{SESSION}={eve}; {SESSION}={ann}").get(path)
    assert refused.status_code == 400
    assert "two sign-ins at once" in refused.text
    assert "@example.com" not in refused.text
    assert f"{SESSION}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax" in refused.headers.get_list("set-cookie")


def test_of_two_sessions_none_counts_at_the_authorization_endpoint(sqlite_service: Service) -> None:
    ann, eve = two_sessions(sqlite_service)
    browser = Browser(sqlite_service)
    browser.client = bare(sqlite_service, f"{SESSION}={eve}; {SESSION}={ann}")
    browser.authorize(register_frontend(sqlite_service, first_party=True))
    assert browser.last.status_code == 400
    assert sqlite_service.rows("SELECT * FROM authorization_codes") == []


def test_of_two_sessions_none_counts_for_programs(sqlite_service: Service) -> None:
    ann, eve = two_sessions(sqlite_service)
    client = bare(sqlite_service, f"{SESSION}={eve}; {SESSION}={ann}")
    answer = client.get("/api/auth/get-session")
    assert answer.json() is None
    assert "set-auth-jwt" not in answer.headers
    assert any(cookie.startswith(f"{SESSION}=; Max-Age=0") for cookie in answer.headers.get_list("set-cookie"))
    assert client.get("/api/auth/token").status_code == 401
    assert client.post("/api/auth/update-user", json={"name": "Eve"}).status_code == 401


def test_signing_out_ends_both_of_two_sessions(service: Service) -> None:
    ann, eve = two_sessions(service)
    client = bare(service, f"{SESSION}={eve}; {SESSION}={ann}")
    assert client.post("/api/auth/sign-out", json={}).status_code == 200
    assert service.rows("SELECT * FROM browser_sessions") == []


def test_a_sign_in_removes_another_session_of_the_domain(start: Start, sqlite_url: str) -> None:
    """Otherwise the browser would have two, and none would count."""
    issuer = "https://id.example.com"
    service = start(sqlite_url, AUTH_ISSUER=issuer)
    name = f"__Secure-{SESSION}"
    client = service.client(headers={"Origin": issuer})
    client.post("/sign-up/email", json={"name": "Ann", **ANN})
    eve = client.post("/sign-up/email", json={"name": "Eve", "email": "eve@example.com", "password": PASSWORD})
    [old] = named(eve, name)
    headers = {"Origin": issuer, "Cookie": old.partition(";")[0]}
    cookies = named(httpx2.post(f"{service.url}/api/auth/sign-in/email", json=ANN, headers=headers), name)
    attributes = "; Path=/; HttpOnly; SameSite=Lax; Secure"
    for domain in ("id.example.com", "example.com"):
        assert f"{name}=; Max-Age=0; Domain={domain}{attributes}" in cookies
    assert not any("Domain=com;" in cookie for cookie in cookies)
    [new] = [cookie for cookie in cookies if cookie.endswith(attributes) and "Domain" not in cookie]
    assert "; Max-Age=604800" in new, "the new cookie is deleted by the same response"
    assert sum(map(len, cookies)) < 3000, "more than fits into the gateway's buffer"


def test_two_browsers_cookies_of_ours_are_told(sqlite_service: Service) -> None:
    ann, eve = Browser(sqlite_service).open("/signin"), Browser(sqlite_service).open("/signin")
    refused = bare(sqlite_service, f"{jar(ann)}; {jar(eve)}").post("/signin", data=ann.fields("signin-form")[1])
    assert refused.status_code == 400
    assert "two sign-ins at once" in refused.text


def test_requests_of_before_the_upgrade_stay_their_browsers(sqlite_service: Service) -> None:
    """Version 0.1.0 did not sign the cookie: it counts where there is no signed one, and is signed then."""
    old = "A" * 43
    browser = Browser(sqlite_service)
    browser.client = bare(sqlite_service, f"{BROWSER}={old}")
    browser.authorize(register_frontend(sqlite_service))
    [signed] = [cookie for cookie in browser.last.headers.get_list("set-cookie") if cookie.startswith(BROWSER)]
    assert signed.startswith(f"{BROWSER}={old}.")


def test_known_devices_of_before_the_upgrade_stay_known(start: Start, sqlite_url: str) -> None:
    """They live for half a year. Another host of the domain could set the old name, but not the new one."""
    issuer = "https://id.example.com"
    service = start(sqlite_url, AUTH_ISSUER=issuer)
    new, old = f"__Host-{DEVICE}", f"__Secure-{DEVICE}"
    made = service.client(headers={"Origin": issuer}).post("/sign-up/email", json={"name": "Ann", **ANN})
    [made_there] = named(made, new)
    tags = made_there.partition(";")[0].partition("=")[2]
    headers = {"Origin": issuer, "Cookie": f"{old}={tags}"}
    answer = httpx2.post(f"{service.url}/api/auth/sign-in/email", json=ANN, headers=headers)
    assert named(answer, new)[0].startswith(f"{new}={tags};")
    assert named(answer, old)[0].startswith(f"{old}=; Max-Age=0;")


def test_a_new_session_is_the_last_cookie_of_its_name(sqlite_service: Service) -> None:
    """A client that keeps cookies by name only, without path and domain, has the session and not the deletions."""
    browser = signed_in(sqlite_service)
    changed = {"currentPassword": PASSWORD, "newPassword": "another-horse-9", "revokeOtherSessions": True}
    answer = bare(sqlite_service, jar(browser)).post("/api/auth/change-password", json=changed)
    ours = [cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith(f"{SESSION}=")]
    assert len(ours) > 1, "another session's cookies are deleted at other paths"
    assert ours[-1].startswith(f"{SESSION}={answer.json()['token']}")
