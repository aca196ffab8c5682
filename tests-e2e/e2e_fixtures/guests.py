"""Guests: programs with a library that is not ours, each with a folder, a lock and an environment of its own.

Every guest is given ISSUER, CLIENT_ID, CLIENT_SECRET, PORT and FOLDER (its own, empty) in its environment.
"""

import json
import secrets
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ambient
from e2e_fixtures.guest_programs import MODULES, command_of
from e2e_fixtures.sites import SITES
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

STARTUP_TIMEOUT = 180  # seconds: a first start makes the site's database


@dataclass(frozen=True)
class Registered:
    """Each client's client_id and secret ("" if it is public), and the port of each site."""

    credentials: Mapping[str, tuple[str, str]]
    ports: Mapping[str, int]

    def url(self, site: str) -> str:
        return f"http://127.0.0.1:{self.ports[site]}"


def register(
    stack: Stack, folder: Path, sites: Iterable[str], apis: Sequence[Any], others: Mapping[str, Any]
) -> Registered:
    """Register these sites and what else is given, by one command and one file."""
    registered = Registered({}, {name: free_port() for name in sites})
    described = {name: SITES[name].registration(name, registered.url(name)) for name in registered.ports}
    clients: dict[str, dict[str, Any]] = {**described, **others}
    ids = {name: f"client_{secrets.token_hex(16)}" for name in clients}
    for name, client in clients.items():
        client["client_id"] = ids[name]
        if client.get("token_endpoint_auth_method") != "none":
            client["secret_file"] = f"{ids[name]}.secret"
    written = {"configuration": "guests", "apis": apis, "clients": list(clients.values())}
    (folder / "guests.json").write_text(json.dumps(written), encoding="utf-8")
    applied = stack.checkout.run("auth", "apply", str(folder / "guests.json"))
    assert applied.returncode == 0, applied.stdout + applied.stderr
    made = {path.stem: path.read_text(encoding="utf-8").strip() for path in folder.glob("*.secret")}
    return Registered({name: (given, made.get(given, "")) for name, given in ids.items()}, registered.ports)


@contextmanager
def running(name: str, folder: Path, port: int, **environ: str) -> Iterator[str]:
    """The URL of a running guest. Its output is in FOLDER/guest.log."""
    folder.mkdir()
    command = command_of(name, folder)
    given: Mapping[str, str] = {"PORT": str(port), "FOLDER": str(folder), "MODULES": str(MODULES), **environ}
    with (folder / "guest.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**ambient(), **given}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _answers(url), STARTUP_TIMEOUT)
        assert process.poll() is None, (folder / "guest.log").read_text(encoding="utf-8")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, trust_env=False)
    except httpx2.TransportError:
        return False
    return True
