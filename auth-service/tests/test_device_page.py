"""/device: what a person is told about a device, and what nobody can do with its code (RFC 8628 §5, RFC 10027)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from auth_service.grants import user_codes
from auth_service.limits import devices

from .browser import Browser, signed_in
from .client_documents import Documents, documents, on_sqlite
from .code_flow import live_grants
from .conftest import Service
from .device_client import METADATA, Device, allow, ask, begin, enter, register_device
from .oauth_client import claims_of
from .test_open_registration import OPEN_API

__all__ = ["documents", "on_sqlite"]  # fixtures
WRONG = "BBBB-BBBB"


def from_address(service: Service, address: str) -> Browser:
    return Browser(service, {"Origin": "http://localhost:8080", "X-Forwarded-For": address})


def test_the_page_says_which_client_where_and_since_when(sqlite_service: Service) -> None:
    """RFC 8628 §5.4, RFC 10027 §6.1.14: before the person signs in, and again before they decide."""
    sqlite_service.clock.stop()
    signed_in(sqlite_service)
    begun_at = datetime.fromtimestamp(int(sqlite_service.clock().timestamp()), UTC)
    device = Device(client := register_device(sqlite_service), ask(client, {"X-Forwarded-For": "203.0.113.7"}).json())
    sqlite_service.clock.advance(minutes=3)
    browser = enter(from_address(sqlite_service, "198.51.100.4"), device.user_code)
    assert (browser.path, "203.0.113.7" in browser.page.text) == ("/signin", True)
    page = browser.sign_in().page
    assert browser.path == "/consent"
    assert "Television asks for access" in page.text
    assert "203.0.113.7" in page.text
    assert "198.51.100.4" not in page.text
    assert "began 3 minutes ago" in page.text
    assert page.elements["device-time"]["datetime"] == begun_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "It is in another network than this browser." in page.text
    assert "redirect-host" not in page.elements
    near = Device(client, ask(client, {"X-Forwarded-For": "198.51.100.4"}).json())
    page = enter(from_address(sqlite_service, "198.51.100.4"), near.user_code).sign_in().page
    assert "another network" not in page.text


def test_a_link_alone_approves_nothing(sqlite_service: Service) -> None:
    """The code of a link is filled in. The person says that the device shows it, signs in and reads what it asks."""
    browser = signed_in(sqlite_service)
    device = begin(register_device(sqlite_service))
    browser.open("/device", user_code=device.user_code)
    assert "link-warning" in browser.page.elements
    assert browser.page.elements["user-code"]["value"] == device.user_code
    assert sqlite_service.rows("SELECT browser_hash FROM device_codes") == [(None,)]
    refused = browser.press("device-form", "continue")
    assert (refused.last.status_code, "confirm that it is the same" in refused.page.text) == (422, True)
    assert "compared" in refused.page.elements
    browser.press("device-form", "continue", compared="yes")
    assert browser.path == "/signin"  # although this browser is signed in
    assert browser.sign_in().path == "/consent"
    assert device.error() == "authorization_pending"
    assert "device-allowed" in browser.allow().page.elements


@pytest.mark.parametrize("typed", ["{lower}", " {code} ", "{plain}", "{plain[0]} {plain[1]}-{rest}", "{dashed}"])
def test_a_code_may_be_typed_as_people_type(sqlite_service: Service, typed: str) -> None:
    """RFC 8628 §6.1: case and what stands between the letters do not matter."""
    device = begin(register_device(sqlite_service))
    code, plain = device.user_code, device.user_code.replace("-", "")
    written = typed.format(
        code=code, lower=code.lower(), plain=plain, rest=plain[2:], dashed=code.replace("-", "\u2013")
    )
    assert enter(Browser(sqlite_service), written).path == "/signin"


@pytest.mark.parametrize("typed", ["", "BCDF", "BCDF-GHJA", "BCDFGHJKL", "\u0412CDF-GHJK", "x" * 64])
def test_what_is_no_code_is_not_counted_as_a_guess(sqlite_service: Service, typed: str) -> None:
    browser = Browser(sqlite_service).open("/device").press("device-form", "continue", user_code=typed or None)
    assert (browser.last.status_code, "eight letters" in browser.page.text) == (422, True)
    assert sqlite_service.rows("SELECT * FROM attempts") == []


def test_a_device_is_allowed_by_everybody_anew(sqlite_service: Service) -> None:
    """First-party clients, and what was agreed to before: a consent says nothing about another device."""
    signed_in(sqlite_service)
    client = register_device(sqlite_service, first_party=True)
    for _ in range(2):
        browser = enter(Browser(sqlite_service), begin(client).user_code).sign_in()
        assert (browser.path, "device-warning" in browser.page.elements) == ("/consent", True)
        browser.allow()


def test_the_first_browser_takes_the_code(service: Service) -> None:
    """A code that somebody has seen is worth nothing in another browser, and its answer is the same as of no code."""
    signed_in(service)
    device = begin(register_device(service))
    first = enter(Browser(service), device.user_code)
    second, third = enter(Browser(service), device.user_code), enter(Browser(service), WRONG)
    assert (second.last.status_code, third.last.status_code) == (403, 403)
    assert "No device waits" in second.page.text
    assert "No device waits" in third.page.text
    handle = dict(first.last.request.url.params)["authorization_request"]
    stolen = Browser(service).open("/oauth/authorize", authorization_request=handle)
    assert stolen.last.status_code == 400
    first.sign_in().allow()
    assert device.poll().status_code == 200


def test_another_persons_form_decides_nothing(sqlite_service: Service) -> None:
    """The consent is of the person who has signed in at this request, in this browser."""
    signed_in(sqlite_service, "bob@example.com")
    signed_in(sqlite_service)
    device = begin(register_device(sqlite_service))
    browser = enter(Browser(sqlite_service), device.user_code).sign_in()
    _, anns = browser.fields("consent-form")
    query = dict(browser.last.request.url.params)
    browser.open("/signin", use_another="yes", **query).sign_in("bob@example.com")
    refused = browser.post("/consent", **{**anns, "decision": "allow"})
    assert refused.last.status_code == 403
    assert device.error() == "authorization_pending"
    refused.allow()
    device.wait()
    bob = sqlite_service.rows("SELECT id FROM accounts WHERE email = 'bob@example.com'")
    assert [(claims_of(device.poll().json()["access_token"])["sub"],)] == bob


def test_a_code_that_is_typed_twice_is_answered_once(sqlite_service: Service) -> None:
    """Two tabs of one browser: the first answer stands."""
    signed_in(sqlite_service)
    device = begin(register_device(sqlite_service))
    browser = enter(Browser(sqlite_service), device.user_code)
    tabs = [dict(browser.last.request.url.params), dict(enter(browser, device.user_code).last.request.url.params)]
    assert tabs[0] != tabs[1]
    browser.sign_in().press("consent-form", "deny")
    other = browser.open("/signin", **tabs[0]).sign_in().allow()
    assert (other.last.status_code, "This code has expired" in other.page.text) == (400, True)
    assert device.error() == "access_denied"
    assert live_grants(sqlite_service) == 0


def test_an_answered_form_that_is_sent_again_shows_its_answer(sqlite_service: Service) -> None:
    signed_in(sqlite_service)
    for button, shown in (("allow", "device-allowed"), ("deny", "device-denied")):
        browser = enter(Browser(sqlite_service), begin(register_device(sqlite_service)).user_code).sign_in()
        action, fields = browser.fields("consent-form")
        for _ in range(2):
            assert shown in browser.post(action, **{**fields, "decision": button}).page.elements


def test_a_person_signs_up_for_a_device(sqlite_service: Service) -> None:
    device = begin(register_device(sqlite_service))
    enter(Browser(sqlite_service), device.user_code).sign_up().allow()
    assert device.poll().status_code == 200


def test_wrong_codes_are_counted_for_the_network_and_right_ones_are_not(sqlite_service: Service) -> None:
    """RFC 8628 §5.1. Others go on, and nobody is told whether a code was right once the budget is used up."""
    client = register_device(sqlite_service)
    guesser = from_address(sqlite_service, "203.0.113.7")
    for _ in range(devices.WRONG_PER_NETWORK[0] - 1):
        assert enter(guesser, WRONG).last.status_code == 403
    assert enter(guesser, begin(client).user_code).path == "/signin"
    assert enter(guesser, WRONG).last.status_code == 403
    for code in (WRONG, begin(client).user_code):
        held = enter(guesser, code)
        assert (held.last.status_code, "Too many codes" in held.page.text) == (429, True)
        assert 0 < int(held.last.headers["retry-after"]) <= devices.WINDOW.total_seconds()
    assert enter(from_address(sqlite_service, "203.0.113.8"), begin(client).user_code).path == "/signin"
    sqlite_service.clock.advance(hours=1)
    assert enter(guesser, begin(client).user_code).path == "/signin"


def test_wrong_codes_are_counted_for_the_account_and_in_all(sqlite_service: Service, monkeypatch: Any) -> None:
    """From many networks. The number in all is lowered here."""
    browser, client = signed_in(sqlite_service), register_device(sqlite_service)
    for number in range(devices.WRONG_PER_ACCOUNT):
        browser.client.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        assert enter(browser, WRONG).last.status_code == 403
    browser.client.headers["X-Forwarded-For"] = "203.0.113.200"
    assert enter(browser, begin(client).user_code).last.status_code == 429
    assert enter(Browser(sqlite_service), begin(client).user_code).path == "/signin"
    monkeypatch.setattr(devices, "WRONG_IN_ALL", devices.WRONG_PER_ACCOUNT + 1)
    statuses = [enter(from_address(sqlite_service, f"192.0.2.{each}"), WRONG).last.status_code for each in (1, 2)]
    assert statuses == [403, 429]


def test_user_codes_have_no_words_and_cannot_be_guessed() -> None:
    """RFC 8628 §5.1, §6.1."""
    drawn = {user_codes.draw() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(user_codes.parse(user_codes.show(code)) == code for code in drawn)
    assert len(user_codes.ALPHABET) ** user_codes.LENGTH > 2**34


def test_what_happens_is_in_the_audit_trail_and_counted(sqlite_service: Service) -> None:
    signed_in(sqlite_service)
    device = begin(register_device(sqlite_service))
    enter(Browser(sqlite_service), WRONG)
    allow(device)
    listed = map(json.loads, sqlite_service.command("audit", "list", "--event", "device_allowed").stdout.splitlines())
    told = [(each["client_id"], "device_address=127.0.0.1" in each["facts"]) for each in listed]
    assert told == [(device.client.client_id, True)]
    metrics = sqlite_service.client().get(sqlite_service.metrics_url).text
    assert 'auth_user_codes_total{outcome="unknown"}' in metrics


def test_a_client_with_a_document_begins_and_is_stored_when_a_person_allows_it(documents: Documents) -> None:
    """Before that it polls without a row. Its document is fetched when it begins, within the budgets."""
    document = {**METADATA, "scope": f"openid offline_access {next(iter(OPEN_API['scopes']))}"}
    client = documents.publish(**document)
    signed_in(documents.service)
    device = begin(client, scope=document["scope"])
    assert (device.error(), documents.clients()) == ("authorization_pending", [])
    browser = enter(Browser(documents.service), device.user_code).sign_in()
    assert "document-host" in browser.page.elements
    browser.allow()
    assert documents.clients() == [client.client_id]
    device.wait()
    tokens = device.poll().json()
    assert claims_of(tokens["access_token"])["client_id"] == client.client_id
    assert client.refresh(tokens["refresh_token"]).status_code == 200
    elsewhere = documents.publish(**METADATA)
    assert Device(elsewhere, device.begun).poll().status_code == 401  # nobody knows this client
    begun = begin(client, scope="openid")
    assert documents.service.command("clients", "block", client.client_id, "--yes").returncode == 0
    documents.service.forget()
    assert begun.poll().status_code == 401


def test_a_form_of_another_site_or_browser_takes_no_code(sqlite_service: Service) -> None:
    """Otherwise a site could begin the request in the browser of a person who has typed nothing."""
    device = begin(register_device(sqlite_service))
    browser, other = Browser(sqlite_service).open("/device"), Browser(sqlite_service).open("/device")
    _, fields = browser.fields("device-form")
    foreign = other.fields("device-form")[1]["form_token"]
    sent = {**fields, "user_code": device.user_code}
    for data, origin in (
        (sent, "https://evil.example"),
        ({**sent, "form_token": foreign}, "http://localhost:8080"),
        ({**sent, "form_token": ""}, "http://localhost:8080"),
    ):
        refused = browser.client.post("/device", data=data, headers={"Origin": origin})
        assert (refused.status_code, "Please try again" in refused.text) == (403, True)
    assert sqlite_service.rows("SELECT browser_hash FROM device_codes") == [(None,)]
    assert sqlite_service.rows("SELECT * FROM attempts") == []
