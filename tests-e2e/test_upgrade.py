"""An upgrade of each service under load: two versions run at once on one PostgreSQL server."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ambient
from e2e_fixtures.issuer import Issuer
from e2e_fixtures.people import bearer, credentials
from e2e_fixtures.postgres import Postgres, running_postgres
from e2e_fixtures.stack import NO_TLS
from e2e_fixtures.upgrades import upgrade, versions

TODOS = "/api/v1/todos"
Step = tuple[str, str, str, object, int]  # method, server, path, body, expected status


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


def test_nobody_notices_an_upgrade_of_auth_service(postgres: Postgres, tmp_path: Path) -> None:
    ports = free_port(), free_port()
    issuer = f"http://localhost:{ports[0]}"
    environ = {
        **ambient(),
        "AUTH_ISSUER": issuer,
        "AUTH_SECRET": f"1:{secrets.token_urlsafe(48)}",
        "AUTH_KEY_ENCRYPTION_KEYS": f"1:{secrets.token_urlsafe(48)}",
        "AUTH_DATABASE_URL": postgres.url("postgres"),
        "AUTH_LIMITS": "off",
    }

    def visit(here: str, there: str) -> str:
        """Sign up at one version, continue at the other, and sign out everywhere."""
        asked = credentials()
        steps: Sequence[Step] = (
            ("POST", here, "/api/auth/sign-up/email", {"name": "Ann", **asked}, 200),
            ("GET", there, "/api/auth/token", None, 200),
            ("GET", there, "/api/auth/get-session", None, 200),
            ("POST", there, "/api/auth/sign-in/email", asked, 200),
            ("POST", here, "/api/auth/sign-out", {}, 200),
        )
        with browser({"Host": urlsplit(issuer).netloc, "Origin": issuer}) as client:
            failure = walk(client, steps)
            gone = client.get(f"{there}/api/auth/get-session")
            return failure or ("" if gone.text == "null" else f"signed out at {here}, and still signed in at {there}")

    with versions("auth-service", tmp_path, ports, environ) as (before, after):
        assert upgrade(before, after, visit) == []


def test_nobody_notices_an_upgrade_of_todo_service(postgres: Postgres, issuer: Issuer, tmp_path: Path) -> None:
    environ = {
        **ambient(),
        "TODO_ISSUER": issuer.url,
        "TODO_DATABASE_URL": postgres.url("postgres"),
        "TODO_JWKS_FILE": str(tmp_path / "jwks.json"),
        "TODO_REQUIRE_STATUS": "off",  # the issuer here has no status lists
        "TODO_STATUS_LISTS_FILE": str(tmp_path / "status_lists.json"),
    }

    def visit(here: str, there: str) -> str:
        """Create a todo, complete and read it at the other version, and delete it. No other owner's todo is listed."""
        with browser(bearer(issuer.token(sub=secrets.token_hex(16)))) as client:
            made = client.post(here + TODOS, json={"title": "Buy milk"})
            if made.status_code != 201:
                return f"POST {TODOS} at {here}: {made.status_code} {made.text}"
            own = f"{TODOS}/{made.json()['id']}"
            failure = walk(client, [("POST", there, f"{own}/complete", None, 200), ("GET", here, own, None, 200)])
            for parameters in ({}, {"q": "MILK"}):
                page = client.get(there + TODOS, params=parameters).json()
                listed = [(item["title"], item["status"]) for item in page["items"]]
                if listed != [("Buy milk", "done")]:
                    return f"written at {here}, listed at {there} with {parameters} as {listed}"
            return failure or walk(client, [("DELETE", here, own, None, 204), ("GET", there, own, None, 404)])

    with versions("todo-service", tmp_path, (free_port(), free_port()), environ) as (before, after):
        assert upgrade(before, after, visit) == []


def browser(headers: dict[str, str]) -> httpx2.Client:
    return httpx2.Client(headers=headers, trust_env=False, verify=NO_TLS, timeout=60)


def walk(client: httpx2.Client, steps: Sequence[Step]) -> str:
    """Take the steps one after another; return the first failure as text, or ""."""
    for method, url, path, body, expected in steps:
        try:
            answer = client.request(method, url + path, json=body)
        except httpx2.TransportError as error:
            return f"{method} {path} at {url}: {type(error).__name__}"
        if answer.status_code != expected or answer.text == "null":
            return f"{method} {path} at {url}: {answer.status_code} {answer.text}"
    return ""
