"""Apply deploy/configuration/ at auth-service: the todo API, the web application, and todo-service as a client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploy.local.ports import LOOPBACK
from deploy.local.progress import run_with_progress
from deploy.local.services import TODO_CLIENT_ID, System, service_command, todo_client_secret
from deploy.local.state import ROOT, STATE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIGURATION = ROOT / "deploy" / "configuration"


def provision(system: System, environments: Mapping[str, Mapping[str, str]]) -> None:
    """Apply them before anything starts. For our own database a stamp file records that."""
    auth, todo = environments["auth"], environments["todo"]
    arguments = apply()
    if todo.get("TODO_CLIENT_ID") == TODO_CLIENT_ID:  # otherwise the user has set another client
        events = f"http://{LOOPBACK}:{system.todo_port}/internal/events"
        arguments = apply(TODO_CLIENT_ID, events, str(todo_client_secret()))
    files = [path.read_text(encoding="utf-8") for path in sorted(CONFIGURATION.glob("*.yaml"))]
    text, stamp = (
        json.dumps({"issuer": system.issuer, "arguments": arguments, "files": files}),
        STATE / "provisioned.stamp",
    )
    ours = auth.get("AUTH_DATABASE_URL", "").endswith(f"///{STATE / 'auth.db'}")
    if ours and stamp.exists() and stamp.read_text(encoding="utf-8") == text:
        return
    before = find_issuer(stamp) if ours else None
    if before not in (None, system.issuer):  # another port, for example
        move = service_command("auth", "issuer", "move", str(before), "--yes")
        run_with_progress(f"Moving what was stored under {before}", move, auth)
    run_with_progress("Registering the todo API and its clients", service_command("auth", *arguments), auth)
    if ours:
        stamp.write_text(text, encoding="utf-8")


def apply(client_id: str | None = None, events: str = "", secret_file: str = "") -> list[str]:
    """The arguments of auth-service that apply the files: all of them, or without todo-service as a client (None).

    `events` is the URL at which todo-service receives account events.
    """
    if client_id is None:
        return ["apply", str(CONFIGURATION / "todos.yaml")]
    values = {"TODO_CLIENT_ID": client_id, "EVENTS": events, "SECRET_FILE": secret_file}
    given = [f"--set={name}={value}" for name, value in values.items()]
    return ["apply", *(str(CONFIGURATION / name) for name in ("todos.yaml", "todo-service.yaml")), *given]


def find_issuer(stamp: Path) -> str | None:
    """The issuer of the last start, or None if the stamp does not say it. A stamp of 2026 is a list of three steps."""
    try:
        written = json.loads(stamp.read_text(encoding="utf-8"))
        issuer: str = written["issuer"] if isinstance(written, dict) else written[0][2]["resource"]
    except (OSError, ValueError, TypeError, LookupError):
        return None
    return issuer.removesuffix("/api/v1")
