"""A browser without scripts, and helpers that send it to the authorization endpoint for a client."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from .code_flow import CHALLENGE, REDIRECT_URI, Frontend
from .conftest import ISSUER, PASSWORD, Service

SCOPE = "openid todos:read"


class Page(HTMLParser):
    """A page: its fields, buttons and other elements by id, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: dict[str, dict[str, str]] = {}
        self.forms: dict[str, tuple[str, dict[str, str]]] = {}
        self.labels: set[str] = set()
        self.text = ""
        self._form = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if "id" in attributes:
            assert attributes["id"] not in self.elements, "an id is used twice"
            self.elements[attributes["id"]] = {"tag": tag, **attributes}
        assert "amp;" not in attributes.get("href", ""), "an address is escaped twice"
        if tag == "form":
            self._form = attributes["id"]
            self.forms[self._form] = (attributes["action"], {})
        if tag == "label":
            self.labels.add(attributes["for"])
        is_set = attributes.get("type") != "checkbox" or "checked" in attributes
        if tag == "input" and is_set:
            self.forms[self._form][1][attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " " if data.strip() else ""


@dataclass
class Browser:
    """A browser that follows redirects within the service and stops at a redirect to a client."""

    service: Service
    headers: dict[str, str] = field(default_factory=lambda: {"Origin": ISSUER})

    def __post_init__(self) -> None:
        self.client = httpx2.Client(base_url=self.service.url, timeout=30, headers=self.headers)
        self.service.opened.append(self.client)
        self.last: httpx2.Response

    def open(self, path: str, **query: Any) -> Browser:
        return self._follow(self.client.get(path, params=query or None))

    def _follow(self, response: httpx2.Response) -> Browser:
        while response.status_code == 303 and response.headers["location"].startswith("/"):
            response = self.client.get(response.headers["location"])
        assert response.status_code < 500, response.text
        self.last = response
        return self

    @property
    def path(self) -> str:
        """The path of the service's page that the browser shows."""
        assert self.last.status_code != 303, self.last.headers["location"]
        return self.last.request.url.path

    @property
    def page(self) -> Page:
        return Page(self.last.text)

    @property
    def answer(self) -> dict[str, str]:
        """The client's authorization response: the parameters of the redirect, or of the form_post form."""
        if self.last.status_code == 303:
            location = self.last.headers["location"]
            return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        return self.page.forms["form-post"][1]

    def fields(self, form: str) -> tuple[str, dict[str, str]]:
        return self.page.forms[form]

    def press(self, form: str, button: str, **values: str | None) -> Browser:
        """Fill in the form and submit it by the button; a field that is None is left out."""
        page = self.page
        action, fields = page.forms[form]
        pressed = page.elements[button]
        made = {**fields, **({pressed["name"]: pressed["value"]} if "name" in pressed else {}), **values}
        return self.post(action, **made)

    def post(self, path: str, **values: str | None) -> Browser:
        data = {name: value for name, value in values.items() if value is not None}
        return self._follow(self.client.post(path, data=data))

    def authorize(self, frontend: Frontend, **changes: Any) -> Browser:
        return self.open("/oauth/authorize", **asked(frontend, **changes))

    def sign_up(self, email: str = "ann@example.com", name: str = "Ann") -> Browser:
        """Sign up at the sign-up page, which may belong to an authorization request."""
        query = dict(self.last.request.url.params) if hasattr(self, "last") else {}
        self.open("/signup", **query)
        return self.press("signup-form", "sign-up", name=name, email=email, password=PASSWORD)

    def sign_in(self, email: str = "ann@example.com", password: str = PASSWORD) -> Browser:
        return self.press("signin-form", "sign-in", email=email, password=password)

    def allow(self) -> Browser:
        return self.press("consent-form", "allow")


def asked(frontend: Frontend, **changes: Any) -> dict[str, Any]:
    """The parameters of an authorization request; a parameter that is set to None is left out."""
    made = {
        "client_id": frontend.client_id,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": SCOPE,
        "state": "af0ifjsldkj",
        "nonce": "n-0S6_WzA2Mj",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def signed_in(service: Service, email: str = "ann@example.com") -> Browser:
    """A browser in which a new account is signed in."""
    browser = Browser(service).open("/signup").sign_up(email)
    assert browser.path == "/signin"
    assert "signed-in" in browser.page.elements
    return browser
