"""Register todo-service as a client of auth-service before either starts, always under the same id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploy.local.ports import LOOPBACK
from deploy.local.progress import run_with_progress
from deploy.local.services import TODO_CLIENT_ID, System, service_command, todo_client_secret
from deploy.local.state import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping


def register_todo_service(system: System, environments: Mapping[str, Mapping[str, str]]) -> None:
    """Register it, unless the user has set another client. For our own database a stamp file records that."""
    auth, todo = environments["auth"], environments["todo"]
    if todo.get("TODO_CLIENT_ID") != TODO_CLIENT_ID:
        return
    metadata = {
        "client_name": "todo-service",
        "grant_types": ["client_credentials"],
        "protected_resource": f"{system.issuer}/api/v1",
        "event_endpoint": f"http://{LOOPBACK}:{system.todo_port}/internal/events",
    }
    wanted, stamp = STATE / "todo-client.json", STATE / "todo-client.registered"
    text = json.dumps(metadata)
    ours = auth.get("AUTH_DATABASE_URL", "").endswith(f"///{STATE / 'auth.db'}")
    if ours and stamp.exists() and stamp.read_text(encoding="ascii") == text:
        return
    wanted.write_text(text, encoding="ascii")
    secret = str(todo_client_secret())
    command = service_command("auth", "clients", "provision", TODO_CLIENT_ID, "--secret-file", secret)
    run_with_progress("Registering todo-service as a client", command, auth, stdin=wanted)
    if ours:
        stamp.write_text(text, encoding="ascii")
