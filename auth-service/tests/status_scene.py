"""A person with a token of each kind, and the tokens' bits in the status lists."""

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from auth_service.oauth import status_list

from .browser import Browser
from .code_flow import API, Frontend, Person, register_backend, register_frontend, sign_in, sign_up
from .conftest import ISSUER, Service
from .oauth_client import OAuthClient, claims_of, register

URI = f"{ISSUER}/oauth/status-lists"
OFFLINE = "openid offline_access todos:read"


def inside(service: Service, uri: str) -> str:
    return uri.replace(ISSUER, service.url)


def fetch(service: Service, uri: str) -> bytes:
    """The octets of the current list. A version that does not exist yet makes the service read the database first."""
    token = httpx2.get(inside(service, uri), params={"v": "999999999"}).text
    lst = jwt.decode(token, options={"verify_signature": False})["status_list"]["lst"]
    return zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))


def reference(token: str) -> tuple[str, int]:
    named = claims_of(token)["status"]["status_list"]
    return named["uri"], named["idx"]


def is_revoked(service: Service, token: str) -> bool:
    uri, index = reference(token)
    return status_list.is_set(fetch(service, uri), index)


@dataclass
class Scene:
    """A person in two browsers, two frontends and a service, with a token of each."""

    service: Service
    person: Person
    elsewhere: Person
    frontend: Frontend
    robot: OAuthClient
    api: OAuthClient
    refresh_token: str
    id_token: str
    code: str
    tokens: dict[str, str]

    def revoked(self) -> set[str]:
        """The names of the revoked tokens by their bits. Introspection must call exactly the others active."""
        named = {name: reference(token) for name, token in self.tokens.items()}
        octets = {uri: fetch(self.service, uri) for uri, _ in named.values()}
        revoked = {name for name, (uri, index) in named.items() if status_list.is_set(octets[uri], index)}
        assert self.active() == named.keys() - revoked
        return revoked

    def active(self) -> set[str]:
        """The names of the tokens that introspection calls active (RFC 7662)."""
        with httpx2.Client(base_url=self.service.url, auth=(self.api.client_id, self.api.secret)) as api:
            asked = ((name, api.post("/oauth/introspect", data={"token": self.tokens[name]})) for name in self.tokens)
            return {name for name, answer in asked if answer.json()["active"]}

    def command(self, *arguments: str, stdin: str = "") -> None:
        done = self.service.command(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr

    def browser(self) -> Browser:
        """A browser at the hosted pages with the person's first session."""
        browser = Browser(self.service)
        browser.client.cookies.update(self.person.browser.cookies)
        return browser


def make_scene(service: Service) -> Scene:
    person = sign_up(service)
    elsewhere = sign_in(service)
    frontend, other = register_backend(service), register_frontend(service)
    robot = register(service, token_endpoint_auth_method="client_secret_basic")
    code = frontend.authorize(person)
    answer = frontend.redeem(code).json()
    tokens = {
        "web": person.browser.get("/token").json()["token"],
        "web elsewhere": elsewhere.browser.get("/token").json()["token"],
        "frontend": answer["access_token"],
        "other frontend": other.tokens(person)["access_token"],
        "offline": frontend.tokens(person, OFFLINE)["access_token"],
        "service": robot.token(resource=API).json()["access_token"],
    }
    api = register(service, protected_resource=API)
    shown = (answer["refresh_token"], answer["id_token"], code)
    return Scene(service, person, elsewhere, frontend, robot, api, *shown, tokens)


def post(who: Person, path: str, **body: Any) -> None:
    answer = who.browser.post(path, json=body)
    assert answer.status_code == 200, answer.text
