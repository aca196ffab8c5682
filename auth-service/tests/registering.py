"""A service at which programs with an initial access token register themselves, and their requests."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from .code_flow import REDIRECT_URI
from .conftest import Running, Service, emptied, serve

PATH = "/oauth/register"
JSON = {"Content-Type": "application/json"}
MINIMAL: dict[str, Any] = {"redirect_uris": [REDIRECT_URI]}
BAD = "invalid_client_metadata"


@pytest.fixture(scope="module")
def running(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("registering") / "auth.db")
    one = serve(f"sqlite+aiosqlite:///{path}", AUTH_REGISTRATION="token")
    yield one
    one.stop()


@pytest.fixture
def registering(running: Running) -> Iterator[Service]:
    yield from emptied(running.service)


def make_token(service: Service, *arguments: str) -> dict[str, Any]:
    done = service.command("registration-tokens", "create", *arguments)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def ask(service: Service, token: str | None, body: object, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.post(f"{service.url}{PATH}", content=content, headers={**JSON, **bearer, **headers})


def made(response: httpx2.Response) -> dict[str, Any]:
    assert response.status_code == 201, response.text
    assert response.headers["Cache-Control"] == "no-store"
    members: dict[str, Any] = response.json()
    return members
