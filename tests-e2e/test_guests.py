"""Other people's libraries, with their own defaults: people sign in and out, and an API verifies tokens.

`./run.py test --guests` tries them all. Otherwise only those that differ most: of Debian, of PyPI, of npm, and an API.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from deploy.local.ports import free_port
from playwright.sync_api import Browser, Page

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.guests import register, running
from e2e_fixtures.people import PASSWORD, Person, bearer
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until


@dataclass(frozen=True)
class Guest:
    """The site's paths, and the buttons that it shows before it goes to auth-service and before it signs out.

    `sends_proof` is False if the library sends neither a `code_challenge` nor a `nonce` by default.
    """

    callback: str
    sign_out: str = "/logout"
    enter: str = ""
    leave: str = ""
    sends_proof: bool = True


SITES = {
    "auth.js": Guest("/auth/callback/ours", "/auth/signout", enter="button", leave="button"),
    "django-allauth": Guest("/accounts/oidc/ours/login/callback/", sends_proof=False),
    "express-openid-connect": Guest("/callback"),
    "mod_auth_openidc": Guest("/callback", "/callback?logout=http%3A%2F%2F127.0.0.1%3A{port}%2Fsigned-out.html"),
    "mozilla-django-oidc": Guest("/oidc/callback/"),
    "passport-openidconnect": Guest("/callback", sends_proof=False),
}
TOLD = {  # sites that take logout tokens, and where
    "express-openid-connect": "/backchannel-logout",
    "mod_auth_openidc": "/callback?logout=backchannel",
}
USUAL = ("express-openid-connect", "mod_auth_openidc", "mozilla-django-oidc")
TRIED = sorted(SITES) if os.environ.get("GUESTS") == "all" else USUAL


@dataclass(frozen=True)
class Visit:
    """A person's browser at a running site."""

    guest: Guest
    url: str
    page: Page

    def sign_in(self, person: Person) -> str:
        """Sign in at auth-service and return to the site. The site's answer: its page, and the header X-Email."""
        self.page.goto(self.url)
        if self.guest.enter:
            self.page.click(self.guest.enter)
        self.page.fill("#email", person.email)
        self.page.fill("#password", PASSWORD)
        self.page.click("#sign-in")
        with self.page.expect_response(lambda answer: answer.url == f"{self.url}/") as shown:
            self.page.click("#allow")
        assert shown.value.ok
        return f"{self.page.inner_text('body')} {shown.value.headers.get('x-email')}"

    def sign_out(self) -> None:
        self.page.goto(self.url + self.guest.sign_out.format(port=urlsplit(self.url).port))
        if self.guest.leave:
            self.page.click(self.guest.leave)
        if self.page.locator("#sign-out").count():
            self.page.click("#sign-out")

    def is_signed_in(self) -> bool:
        """Whether the site still knows the person. Otherwise it shows its button, or sends them to auth-service."""
        shown = self.page.goto(self.url)
        return shown is not None and shown.url == f"{self.url}/"


@contextmanager
def visiting(name: str, stack: Stack, chromium: Browser, folder: Path) -> Iterator[Visit]:
    guest, port = SITES[name], free_port()
    url = f"http://127.0.0.1:{port}"
    registered = register(
        stack,
        client_name=name,
        redirect_uris=[f"{url}{guest.callback}"],
        post_logout_redirect_uris=[f"{url}{path}" for path in ("", "/signed-out", "/signed-out.html")],
        **({} if guest.sends_proof else {"require_pkce": False}),
        **({"backchannel_logout_uri": f"{url}{TOLD[name]}"} if name in TOLD else {}),
    )
    credentials = {"CLIENT_ID": registered["client_id"], "CLIENT_SECRET": registered["client_secret"]}
    with (
        running(name, folder / "guest", port, ISSUER=stack.url, **credentials) as running_at,
        somebodys_browser(chromium) as context,
    ):
        yield Visit(guest, running_at, context.new_page())


@pytest.mark.parametrize("name", TRIED)
def test_a_person_signs_in_and_out(name: str, stack: Stack, person: Person, chromium: Browser, tmp_path: Path) -> None:
    with visiting(name, stack, chromium, tmp_path) as visit:
        assert person.email in visit.sign_in(person)
        assert visit.is_signed_in()
        visit.sign_out()
        visit.page.context.clear_cookies(domain="localhost")  # auth-service must not sign the person in again
        assert not visit.is_signed_in()


@pytest.mark.parametrize("name", TOLD)
def test_a_sign_out_at_auth_service_ends_the_sites_session(
    name: str, stack: Stack, person: Person, chromium: Browser, tmp_path: Path
) -> None:
    """OpenID Connect Back-Channel Logout 1.0, as the library understands it."""
    with visiting(name, stack, chromium, tmp_path) as visit:
        visit.sign_in(person)
        assert visit.is_signed_in()
        visit.page.goto(f"{stack.url}/signout")
        visit.page.click("#sign-out")
        wait_until(lambda: not visit.is_signed_in())


def test_an_mcp_server_takes_tokens_for_its_own_name(stack: Stack, tmp_path: Path) -> None:
    """fastmcp with its own JWT verifier, as an API that was registered in one command."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/mcp"
    described = {"resource": api, "name": "Notes", "scopes": {"notes:read": "See your notes"}}
    created = stack.checkout.run("auth", "resources", "create", stdin=json.dumps(described))
    assert created.returncode == 0, created.stderr
    robot = register(stack, client_name="Robot", grant_types=["client_credentials"], scope="notes:read todos:read")
    auth = (robot["client_id"], robot["client_secret"])
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count_notes", "arguments": {}}}

    def ask(resource: str) -> httpx2.Response:
        form = {"grant_type": "client_credentials", "resource": resource}
        token = stack.client().post("/oauth/token", data=form, auth=auth).json()["access_token"]
        headers = {**bearer(token), "Accept": "application/json, text/event-stream"}
        return httpx2.post(api, json=call, headers=headers, trust_env=False)

    with running("fastmcp", tmp_path / "guest", port, ISSUER=stack.url, API=api):
        answered, other = ask(api), ask(f"{stack.url}/api/v1")
    assert (answered.status_code, other.status_code) == (200, 401), answered.text
    assert '"3"' in answered.text
