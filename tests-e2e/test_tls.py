"""`./run.py up --tls`: the whole system over https, and no address in it says http."""

import json

import pytest
from playwright.sync_api import Error

from e2e_fixtures.browser import running_chromium, somebodys_browser
from e2e_fixtures.people import sign_up
from e2e_fixtures.stack import Stack


def test_every_address_in_the_metadata_is_https(secure_stack: Stack) -> None:
    assert secure_stack.url.startswith("https://localhost:")
    for path in ("openid-configuration", "oauth-authorization-server", "oauth-protected-resource/api/v1"):
        metadata = secure_stack.client().get(f"/.well-known/{path}").json()
        assert "http://" not in json.dumps(metadata)
    assert metadata["authorization_servers"] == [secure_stack.url]


def test_person_signs_up_and_keeps_a_todo(secure_stack: Stack) -> None:
    """todo-service fetches the keys over http without the gateway, but compares `iss` with the https issuer."""
    ann = sign_up(secure_stack)
    assert ann.api().post("/api/v1/todos", json={"title": "Read RFC 9325"}).status_code == 201


def test_cookies_are_for_https_alone(secure_stack: Stack) -> None:
    """RFC 6265bis §4.1.3.1: browsers accept the prefix only from https, so no http page can set these cookies."""
    cookies = sign_up(secure_stack).browser.cookies.jar
    assert {(cookie.name.startswith(("__Secure-", "__Host-")), cookie.secure) for cookie in cookies} == {(True, True)}


def test_authority_is_named(secure_stack: Stack) -> None:
    log = secure_stack.log("run")
    assert f"authority   {secure_stack.authority}" in log
    assert secure_stack.authority.read_text(encoding="ascii").startswith("-----BEGIN CERTIFICATE-----")


def test_browser_speaks_what_is_new(secure_stack: Stack) -> None:
    """Chromium uses TLS 1.3 and HTTP/2. Without our authority it shows a certificate error."""
    url = f"{secure_stack.url}/healthz"
    with running_chromium(secure_stack.certificate) as chromium, somebodys_browser(chromium) as context:
        page = context.new_page()
        answer = page.goto(url)
        assert answer is not None
        details = answer.security_details()
        assert details is not None
        assert (answer.status, details["protocol"]) == (200, "TLS 1.3")
        assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    with (
        running_chromium() as chromium,
        somebodys_browser(chromium) as context,
        pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"),
    ):
        context.new_page().goto(url)
