"""A person who opens the site under another name of this computer is sent to the issuer's (README.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gateway.tests.test_pages import NAVIGATION

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway

PATHS = ["/", "/signin", "/signin?authorization_request=a%20b&x=1", "/oauth/authorize?client_id=x", "/sign-in"]


@pytest.mark.parametrize("name", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", PATHS)
def test_a_person_goes_to_the_issuers_name(gateway: RunningGateway, path: str, name: str) -> None:
    """Cookies and forms belong to one origin: at another name of it, a form would be refused."""
    for method in ("GET", "HEAD"):
        answer = gateway.request(path, method, {"Host": f"{name}:{gateway.port}", **NAVIGATION})
        assert (answer.status, answer.headers["Location"]) == (307, f"http://localhost:{gateway.port}{path}")


def test_programs_and_forms_stay(gateway: RunningGateway) -> None:
    host = {"Host": f"127.0.0.1:{gateway.port}"}
    assert gateway.request("/api/auth/get-session", headers=host).status == 200
    assert gateway.request("/.well-known/jwks.json", headers={**host, "Accept": "application/json"}).status == 200
    assert gateway.request("/signin", "POST", {**host, **NAVIGATION}, body=b"").status != 307


def test_nobody_is_sent_on_from_the_issuers_own_name_or_a_strangers(gateway: RunningGateway) -> None:
    assert gateway.request("/signin", headers=NAVIGATION).status == 200
    assert gateway.request("/signin", headers={"Host": "evil.example", **NAVIGATION}).status == 421
