"""The real stack, from `./run.py up --detach` to `./run.py down`."""

import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import Checkout
from e2e_fixtures.waiting import wait_until

NO_TLS = ssl.SSLContext(
    ssl.PROTOCOL_TLS_CLIENT
)  # without authorities, for clients of plain http: loading the system's authorities takes 20 ms for each client
API_ORIGIN = "https://board.example.com"  # a page that calls the API with a bearer token
TRUSTED_ORIGIN = "https://app.example.com"  # a frontend that the shared stack trusts besides the issuer's own origin


@dataclass(frozen=True)
class Stack:
    """One running system, and clients for it."""

    checkout: Checkout
    running: dict[str, Any]
    opened: ExitStack

    @property
    def url(self) -> str:
        """The gateway's origin, which is the issuer."""
        url: str = self.running["url"]
        return url

    @property
    def authority(self) -> Path:
        """The authority's certificate, which clients have to trust (with --tls)."""
        return self.checkout.folder / ".run/tls/authority.crt"

    @property
    def certificate(self) -> Path:
        """The gateway's own certificate (with --tls)."""
        return self.checkout.folder / ".run/nginx/tls/gateway.crt"

    def own_url(self, service: str) -> str:
        """The address of a service's own port, without the gateway: "auth" or "todo"."""
        return f"http://127.0.0.1:{self.running['ports'][service]}"

    def client(self, *, source: str = "127.0.0.1", **options: Any) -> httpx2.Client:
        """A client of the gateway with this loopback source address.

        It does not connect to `localhost`, which may mean ::1, and IPv6 has only one loopback address.
        """
        scheme = urlsplit(self.url).scheme
        trust = ssl.create_default_context(cafile=self.authority) if scheme == "https" else NO_TLS
        url = f"{scheme}://127.0.0.1:{self.running['ports']['gateway']}"
        transport = httpx2.HTTPTransport(local_address=source, verify=trust)
        client = httpx2.Client(base_url=url, transport=transport, trust_env=False, timeout=40, **options)
        return self.opened.enter_context(client)

    def pid(self, service: str) -> int:
        """The process id of "auth_service", "todo_service" or "nginx"."""
        return next(int(pid) for pid in self.running["processes"] if service in command_of(int(pid)))

    def log(self, name: str) -> str:
        return (self.checkout.folder / ".run/logs" / f"{name}.log").read_text(encoding="utf-8")


@contextmanager
def running_stack(folder: Path, *options: str, **environ: str) -> Iterator[Stack]:
    """Start the system in a copy of this checkout. At the end stop it and check that every process has ended."""
    with started_stack(Checkout.copy(folder), *options, **environ) as stack:
        yield stack


@contextmanager
def started_stack(checkout: Checkout, *options: str, **environ: str) -> Iterator[Stack]:
    """The same in a copy that exists."""
    try:
        port = () if "--port" in options else ("--port", str(free_port()))
        up = checkout.run("up", "--detach", *port, *options, **environ)
        _check_started(up)
        running = json.loads((checkout.folder / ".run/run.json").read_text(encoding="utf-8"))
        with ExitStack() as opened:
            yield Stack(checkout, running, opened)
    finally:
        down = checkout.run("down")
    assert down.returncode == 0, down.stderr
    wait_until(lambda: not [pid for pid in running["processes"] if command_of(int(pid))])


def _check_started(up: subprocess.CompletedProcess[str]) -> None:
    if "nginx, the gateway, is not installed" in up.stderr:
        absent("nginx is not installed")
    if up.returncode != 0:
        pytest.fail(f"./run.py up ended with {up.returncode}:\n{up.stderr}")


def command_of(pid: int) -> str:
    """The command line of a process; "" if it has ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        found = subprocess.run(
            ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return "" if "<defunct>" in found.stdout else found.stdout
    return ""
