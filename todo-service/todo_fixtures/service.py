"""The service on a real port, in a thread of the test process."""

import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import httpx2
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from atjwt import Polling, Schedule
from todo_fixtures import issuer
from todo_service.app import create_app
from todo_service.assembly import Seams
from todo_service.settings.settings import Settings
from todo_service.verifier_reports import Pace

# One context for all clients: making one takes longer than most tests.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# A busy machine may answer late. The service waits that long, as a repeated fetch would disturb tests that count them.
PATIENCE = timedelta(minutes=1)
QUICK = Schedule(
    forced_wait=PATIENCE,
    first_retry=timedelta(milliseconds=20),
    last_retry=timedelta(milliseconds=50),
    connect_timeout=PATIENCE,
    total_timeout=PATIENCE,
)
# For tests that move the clock by days: a key set may be at most a day old, so it is fetched often.
FREQUENT = replace(QUICK, interval=timedelta(milliseconds=20))
QUICK_POLLING = Polling(
    interval=timedelta(milliseconds=50),
    unknown_list_cooldown=timedelta(milliseconds=100),
    connect_timeout=PATIENCE,
    total_timeout=PATIENCE,
)


@dataclass(frozen=True)
class Service:
    """A running service, and clients for it."""

    app: FastAPI
    url: str
    metrics_url: str
    clients: ExitStack

    def metrics(self) -> str:
        """The text of /metrics."""
        response = self.client().get(self.metrics_url)
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return response.text

    def client(self, token: str | None = None, **more: Any) -> httpx2.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = httpx2.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60, verify=_NO_TLS, **more)
        return self.clients.enter_context(client)

    def person(self, sub: str | None = None, **claims: Any) -> httpx2.Client:
        """A client with the token of a person: `sub`, by default a new one, whose todos no other test sees."""
        return self.client(issuer.token(sub=sub or uuid.uuid4().hex, **claims))

    def wait_until_ready(self, status: int = 200) -> None:
        client = self.client()
        wait_until(lambda: client.get("/readyz").status_code == status)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


@contextmanager
def run(
    *,
    auth_url: str,
    database_url: str,
    jwks_file: Path,
    schedule: Schedule = QUICK,
    clock: Callable[[], float] = time.time,
    quota: int = 10_000,
    cors_origins: tuple[str, ...] = (),
    polling: Polling = QUICK_POLLING,
    require_status: Literal["on", "off"] = "off",
    pace: Pace | None = None,
    **more: Any,
) -> Iterator[Service]:
    settings = Settings(
        issuer=issuer.ISSUER,
        auth_url=auth_url,
        database_url=SecretStr(database_url),
        jwks_file=jwks_file,
        quota=quota,
        cors_origins=cors_origins,
        status_lists_file=jwks_file.with_name("status_lists.json"),
        require_status=require_status,
        **more,
    )
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    port, metrics_port = (each.getsockname()[1] for each in listeners)
    seams = Seams(clock=clock, schedule=schedule, polling=polling, pace=pace)
    app = create_app(settings, seams=seams, metrics_port=metrics_port)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    thread = Thread(target=server.run, args=(listeners,))
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        with ExitStack() as clients:
            yield Service(app, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics", clients)
    finally:
        server.should_exit = True
        thread.join(60)
