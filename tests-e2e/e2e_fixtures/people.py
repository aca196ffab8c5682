"""A person with an account, as a frontend sees it: a session cookie for the issuer, a bearer token for the API."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx2

from e2e_fixtures.stack import Stack

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    browser: httpx2.Client
    stack: Stack

    def token(self) -> str:
        """An access token for the live session; requests within one second get the same token."""
        response = self.browser.get("/api/auth/token")
        assert response.status_code == 200, response.text
        token: str = response.json()["token"]
        return token

    def api(self) -> httpx2.Client:
        """A client that sends the token and no cookies."""
        return self.stack.client(headers=bearer(self.token()))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def credentials(email: str = "", password: str = PASSWORD) -> dict[str, str]:
    return {"email": email or f"{secrets.token_hex(8)}@example.com", "password": password}


def browser(stack: Stack, **options: Any) -> httpx2.Client:
    """A client like a browser on the issuer's own pages: it keeps cookies and sends the Origin."""
    return stack.client(headers={"Origin": stack.url}, **options)


def sign_up(stack: Stack, name: str = "Ann", **options: Any) -> Person:
    asked, page = credentials(), browser(stack, **options)
    response = page.post("/api/auth/sign-up/email", json={"name": name, **asked})
    assert response.status_code == 200, response.text
    return Person(response.json()["user"]["id"], asked["email"], page, stack)
