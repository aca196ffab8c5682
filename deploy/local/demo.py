"""`up --demo`: a person with todos, and a second frontend that shows them at an origin of its own.

The data is seeded once. The person's password is kept beside the secrets, readable by this user only, and printed at
each start.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import secrets
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy.local.node import installed, node_folder
from deploy.local.ports import LOOPBACK, choose_port
from deploy.local.processes import Child, answers
from deploy.local.services import service_command
from deploy.local.state import ROOT, STATE
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.local.processes import Supervisor
    from deploy.local.services import System

BOARD = ROOT / "tests-e2e/frontends/board"
SEEDED = STATE / "demo.json"
EMAIL = "dana@example.com"
TODOS = (
    ("Sign in to the board at its other address", "open"),
    ("Try to add a todo there, and read what it says", "open"),
    ("Sign out there, and come back here", "open"),
    ("Start the demo", "done"),
)


@dataclass(frozen=True)
class Demo:
    port: int
    folder: Path  # the board's files and packages

    @property
    def origin(self) -> str:
        """The board's origin. Not localhost: ports share cookies, so another site needs another host."""
        return f"http://{LOOPBACK}:{self.port}"

    def allow(self) -> None:
        """Let the board's origin call the todo API, in addition to the origins in the environment."""
        named = os.environ.get("TODO_CORS_ORIGINS", "")
        os.environ["TODO_CORS_ORIGINS"] = ",".join(filter(None, (named, self.origin)))

    def start(self, supervisor: Supervisor, system: System, url: str) -> None:
        """Seed what is missing, serve the board, and print its address and the person's."""
        seeded = json.loads(SEEDED.read_text(encoding="utf-8")) if SEEDED.exists() else {}
        password = seeded.get("password") or secrets.token_urlsafe(12)
        if "person" not in seeded:
            seeded["person"] = create_person(system, password)
            create_todos(url, system.issuer, password)
        elif "password" not in seeded:  # an earlier version did not keep it
            operate(system, "users", "set-password", EMAIL, stdin=password)
        seeded["password"] = password
        client = {"issuer": system.issuer, "origin": self.origin}
        if seeded.get("board", {}).items() & client.items() != client.items():
            seeded["board"] = {**client, "client_id": create_client(system, self.origin)}
        SEEDED.touch(mode=0o600)
        SEEDED.chmod(0o600)
        SEEDED.write_text(json.dumps(seeded, indent=2), encoding="utf-8")
        command = [sys.executable, str(BOARD / "serve.py"), str(self.port), str(self.folder)]
        command += [system.issuer, seeded["board"]["client_id"]]
        supervisor.add(Child.start("board", command, os.environ))
        supervisor.wait_for("The board", partial(answers, self.port, "/"))
        print(f"    board       {self.origin}\n    person      {EMAIL}, password {password}\n", flush=True)


def prepare(port: int) -> Demo | None:
    """The demo, or None (after printing the reason) if the board's library cannot be installed."""
    try:
        return Demo(choose_port(port), installed(BOARD, node_folder(), production=True))
    except Refused as refused:
        print(f"The demo cannot be started. {refused}", file=sys.stderr)
    return None


def create_person(system: System, password: str) -> str:
    asked = ("users", "create", "--email", EMAIL, "--name", "Dana")
    created: dict[str, Any] = operate(system, *asked, stdin=password)
    return str(created["id"])


def create_client(system: System, origin: str) -> str:
    """Register the board: a first-party client that may only read.

    On its loopback address people are asked for consent all the same: any program here could pose as the board.
    """
    metadata = {
        "client_name": "Board",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "redirect_uris": [f"{origin}/"],
        "post_logout_redirect_uris": [f"{origin}/"],
        "scope": "openid profile todos:read",
        "default_resource": f"{system.issuer}/api/v1",
        "first_party": True,
    }
    return str(operate(system, "clients", "create", stdin=json.dumps(metadata))["client_id"])


def operate(system: System, *arguments: str, stdin: str) -> dict[str, Any]:
    """Run a command of auth-service and return its JSON."""
    command, environ = service_command("auth", *arguments), system.environment("auth")
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=STATE, env=environ, check=False)
    if ran.returncode != 0:
        raise Refused(f"{' '.join(arguments[:2])}: {ran.stderr.strip()}")
    answer: dict[str, Any] = json.loads(ran.stdout)
    return answer


def create_todos(url: str, issuer: str, password: str) -> None:
    """Create the todos as a frontend would: sign in, fetch a token, call the API."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def ask(path: str, body: object = None, **headers: str) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Origin": issuer, **headers}
        request = urllib.request.Request(url + path, data, sent)  # noqa: S310 - the address is our own gateway's
        with opener.open(request, timeout=20) as response:
            answer: dict[str, Any] = json.load(response)
        return answer

    ask("/api/auth/sign-in/email", {"email": EMAIL, "password": password})
    token = ask("/api/auth/token")["token"]
    operations = [{"op": "create", "todo": {"title": title, "status": status}} for title, status in reversed(TODOS)]
    ask("/api/v1/todos:batch", {"operations": operations}, Authorization=f"Bearer {token}")
