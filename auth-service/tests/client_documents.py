"""A service that is open to any client, and an https server that has the clients' metadata documents."""

import itertools
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auth_service.clients.fetched_documents import LONGEST

from .code_flow import REDIRECT_URI, Frontend
from .conftest import Running, Service, emptied, serve
from .https_server import HttpsServer, https_server
from .postgres_server import made_database
from .test_open_registration import OPEN_API, put_api

JSON = {"Content-Type": "application/json"}
_numbers = itertools.count()


@dataclass
class Documents:
    """A service that is open to any client, and the server of the clients' documents."""

    service: Service
    server: HttpsServer

    def publish(self, **changes: Any) -> Frontend:
        """A new client whose document is the server's answer from now on. A member that is None is left out."""
        client = Frontend(self.service, f"https://localhost:{self.server.port}/{next(_numbers)}/client.json")
        self.change(client, **changes)
        return client

    def change(self, client: Frontend, **changes: Any) -> None:
        document = {
            "client_id": client.client_id, "client_name": "Board", "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none", **changes,
        }  # fmt: skip
        kept = {name: value for name, value in document.items() if value is not None}
        self.server.body, self.server.headers, self.server.status = json.dumps(kept).encode(), dict(JSON), 200
        self.server.pause = 0

    def clients(self) -> list[str]:
        rows = self.service.rows("SELECT client_id FROM clients WHERE registered_by = 'document'")
        return [client_id for (client_id,) in rows]

    def wait(self) -> None:
        """Until the document is fetched again, whatever its headers said."""
        self.service.clock.advance(seconds=LONGEST.total_seconds())


@contextmanager
def running(url: str, folder: Path, **changes: str) -> Iterator[tuple[Running, HttpsServer]]:
    allowed = {"AUTH_OUTBOUND_ALLOWED_NETWORKS": "127.0.0.0/8,::1", "AUTH_LIMITS": "off"}
    with https_server(folder) as server:
        one = serve(url, **{**allowed, "AUTH_OUTBOUND_CA_FILE": str(server.ca_file), **changes})
        yield one, server
        one.stop()


@pytest.fixture(scope="module")
def on_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, HttpsServer]]:
    folder = tmp_path_factory.mktemp("documents")
    shutil.copy(sqlite_template, folder / "auth.db")
    with running(f"sqlite+aiosqlite:///{folder / 'auth.db'}", folder) as both:
        yield both


@pytest.fixture(scope="module")
def on_postgres(
    postgres: str, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, HttpsServer]]:
    with (
        made_database(postgres, template=postgres_template) as url,
        running(url, tmp_path_factory.mktemp("documents")) as both,
    ):
        yield both


@pytest.fixture
def documents(on_sqlite: tuple[Running, HttpsServer]) -> Iterator[Documents]:
    yield from opened(*on_sqlite)


@pytest.fixture(params=["on_sqlite", "on_postgres"])
def documents_on_both(request: pytest.FixtureRequest) -> Iterator[Documents]:
    yield from opened(*request.getfixturevalue(request.param))


def opened(running: Running, server: HttpsServer) -> Iterator[Documents]:
    for service in emptied(running.service):
        put_api(service, OPEN_API)
        server.requests.clear()
        yield Documents(service, server)
