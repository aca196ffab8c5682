"""Other people's libraries, with their own defaults: people sign in, refresh and sign out, and APIs verify tokens.

`./run.py test --guests` tries them all. Otherwise only those that differ most: of Debian, of PyPI, of npm, and an API.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from deploy.local.ports import free_port
from playwright.sync_api import Browser, Page, Request

from e2e_fixtures.browser import somebodys_browser
from e2e_fixtures.checkout import ambient
from e2e_fixtures.guest_programs import GUESTS
from e2e_fixtures.guests import Registered, register, running
from e2e_fixtures.people import PASSWORD, Person, bearer
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.sites import NONCE, PKCE, SITES, USUAL, Site
from e2e_fixtures.stack import Stack
from e2e_fixtures.user_agent import Callback, UserAgent
from e2e_fixtures.waiting import wait_until

TRIES_ALL = os.environ.get("GUESTS") == "all"
TRIED = sorted(SITES) if TRIES_ALL else USUAL
SENT = {PKCE: "code_challenge", NONCE: "nonce"}


@dataclass(frozen=True)
class Visit:
    """A person's browser at a running site."""

    site: Site
    url: str
    stack: Stack
    client_id: str
    page: Page
    asked: list[dict[str, list[str]]]  # the parameters of each authorization request

    def sign_in(self, person: Person) -> None:
        """Sign in at auth-service, allow what the site asks for, and return to it."""
        self.page.goto(self.url + self.site.home)
        if self.site.enter:
            self.page.click(self.site.enter)
        self.page.fill("#email", person.email)
        self.page.fill("#password", PASSWORD)
        self.page.click("#sign-in")
        self.page.wait_for_url(lambda url: url.startswith((self.url, f"{self.stack.url}/consent")))
        if self.page.locator("#allow").count():
            self.page.click("#allow")
        self.page.wait_for_url(self.url + self.site.home)

    def shown(self) -> str:
        """The text and the headers of the page that only a signed-in person sees; "" if it is not shown."""
        answer = self.page.goto(self.url + self.site.home)
        if answer is None or answer.url != self.url + self.site.home or not answer.ok:
            return ""
        return f"{self.page.inner_text('body')} {answer.headers}"

    def refreshes(self) -> bool:
        """Whether the site has used a refresh token at its page for that."""
        before = refreshed(self.stack)
        self.page.goto(self.url + self.site.refresh)
        return refreshed(self.stack) > before

    def sign_out(self) -> None:
        filled_in = {"port": urlsplit(self.url).port, "issuer": quote(self.stack.url, ""), "client_id": self.client_id}
        self.page.goto(self.url + self.site.sign_out.format(**filled_in))
        if self.site.leave:
            self.page.click(self.site.leave)
        if self.site.ends_session:
            if self.page.locator("#sign-out").count():
                self.page.click("#sign-out")
            self.page.wait_for_url(lambda url: url.partition("?")[0] == self.url + self.site.signed_out)
        else:
            self.page.context.clear_cookies(domain="localhost")  # otherwise auth-service signs the person in again


def refreshed(stack: Stack) -> float:
    """How often a refresh token was used at this system."""
    exposed = httpx2.get(f"http://127.0.0.1:{stack.running['metrics_ports']['auth']}/metrics", trust_env=False).text
    return sum(
        float(count) for count in re.findall(r'^auth_tokens_issued_total\{.*"refresh_token".*\} (\S+)', exposed, re.M)
    )


NOTES = "https://notes.example.com"  # the API of the guests that are APIs
SERVICE: dict[str, Any] = {"grant_types": ["client_credentials"]}
SHELLS_CALLBACK = "http://127.0.0.1:9/callback"  # nothing answers there


@pytest.fixture(scope="module")
def registered(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    """The sites, the API with its own client, a service that calls it, and a shell."""
    api = {"resource": NOTES, "name": "Notes", "scopes": {"notes:read": "See your notes"}}
    others = {
        "notes": {"client_name": "Notes", "protected_resource": NOTES, "scope": "notes:read", **SERVICE},
        "robot": {"client_name": "Robot", "scope": "notes:read todos:read", **SERVICE},
        "shell": {
            **Site().registration("Shell", ""),
            "redirect_uris": [SHELLS_CALLBACK],
            "post_logout_redirect_uris": [],
        },
    }
    return register(stack, tmp_path_factory.mktemp("registered"), TRIED, [api], others)


@contextmanager
def visiting(name: str, stack: Stack, registered: Registered, chromium: Browser, folder: Path) -> Iterator[Visit]:
    url, (client_id, secret) = registered.url(name), registered.credentials[name]
    environ = {"ISSUER": stack.url, "CLIENT_ID": client_id, "CLIENT_SECRET": secret}
    with (
        running(name, folder / "guest", registered.ports[name], **environ),
        somebodys_browser(chromium) as context,
    ):
        page, asked = context.new_page(), list[dict[str, list[str]]]()
        begins = f"{stack.url}/oauth/authorize?"

        def note(sent: Request) -> None:
            if sent.url.startswith(begins):
                asked.append(parse_qs(urlsplit(sent.url).query))

        page.on("request", note)
        yield Visit(SITES[name], url, stack, client_id, page, asked)


@pytest.mark.parametrize("name", TRIED)
def test_a_person_signs_in_and_out(
    name: str, stack: Stack, registered: Registered, person: Person, chromium: Browser, tmp_path: Path
) -> None:
    """With the library's defaults. What it has functions for is tried: refresh, sign-out, back-channel logout."""
    with visiting(name, stack, registered, chromium, tmp_path) as visit:
        visit.sign_in(person)
        assert person.email in visit.shown()
        assert [each for each in SENT if SENT[each] in visit.asked[0]] == list(visit.site.sends)
        if visit.site.refresh:
            wait_until(visit.refreshes)
            assert person.email in visit.shown()
        visit.sign_out()
        assert visit.shown() == ""
        if visit.site.takes_logout_tokens:
            visit.sign_in(person)
            visit.page.goto(f"{stack.url}/signout")
            visit.page.click("#sign-out")
            wait_until(lambda: visit.shown() == "")


def token_of_robot(stack: Stack, registered: Registered, resource: str) -> str:
    """The robot's access token for the API or for another one."""
    form = {"grant_type": "client_credentials", "resource": resource}
    answered = stack.client().post("/oauth/token", data=form, auth=registered.credentials["robot"])
    token: str = answered.json()["access_token"]
    return token


def ask_mcp(url: str, token: str) -> httpx2.Response:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "count_notes", "arguments": {}}}
    headers = {**bearer(token), "Accept": "application/json, text/event-stream"}
    return httpx2.post(f"{url}/mcp", json=call, headers=headers, trust_env=False)


def ask_notes(url: str, token: str) -> httpx2.Response:
    return httpx2.get(f"{url}/notes", headers=bearer(token), trust_env=False)


APIS = {"fastmcp": ask_mcp, "express-oauth2-jwt-bearer": ask_notes, "spring-resource-server": ask_notes}


@pytest.mark.parametrize("name", APIS if TRIES_ALL else ["fastmcp"])
def test_an_api_takes_tokens_for_its_own_name(name: str, stack: Stack, registered: Registered, tmp_path: Path) -> None:
    """With the library's own verifier. The API was registered in one command."""
    client_id, secret = registered.credentials["notes"]
    environ = {"ISSUER": stack.url, "API": NOTES, "CLIENT_ID": client_id, "CLIENT_SECRET": secret}
    environ["CALLER"] = registered.credentials["robot"][0]
    with running(name, tmp_path / "guest", free_port(), **environ) as url:
        tokens = (token_of_robot(stack, registered, resource) for resource in (NOTES, f"{stack.url}/api/v1"))
        answered, other = (APIS[name](url, token) for token in tokens)
    assert (answered.status_code, other.status_code) == (200, 401), answered.text
    assert "3" in answered.text


def test_a_shell_signs_a_person_in(stack: Stack, registered: Registered, person: Person) -> None:
    """guests/curl/sign-in.sh: code flow with PKCE, refresh, userinfo, revocation, after which a refresh is refused."""
    client_id, secret = registered.credentials["shell"]
    environ = {"CLIENT_ID": client_id, "CLIENT_SECRET": secret, "CALLBACK": SHELLS_CALLBACK}
    with shell("sign-in.sh", ISSUER=stack.url, **environ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = UserAgent(Ours(stack)).sign_in(url, Account(person.id, person.email))
        assert isinstance(answer, Callback), answer
        written, errors = process.communicate(f"{answer.url}\n", timeout=60)
    assert process.returncode == 0, errors
    email, refused = written.splitlines()
    assert (email, json.loads(refused)["error"]) == (person.email, "invalid_grant")


def test_a_shell_gets_and_revokes_a_services_token(stack: Stack, registered: Registered) -> None:
    """guests/curl/service.sh: client credentials, introspection by the API's client, revocation."""
    (client_id, secret), (api_id, api_secret) = registered.credentials["robot"], registered.credentials["notes"]
    environ = {"ISSUER": stack.url, "CLIENT_ID": client_id, "CLIENT_SECRET": secret, "API": NOTES}
    with shell("service.sh", **environ, API_CLIENT_ID=api_id, API_CLIENT_SECRET=api_secret) as process:
        written, errors = process.communicate(timeout=60)
    assert (process.returncode, written.split()) == (0, ["True", "False"]), errors


def shell(script: str, **environ: str) -> "subprocess.Popen[str]":
    command, given, pipe = ["sh", str(GUESTS / "curl" / script)], {**ambient(), **environ}, subprocess.PIPE
    return subprocess.Popen(command, env=given, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
