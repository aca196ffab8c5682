"""Register the todo API, the web application and todo-service at auth-service, always under the same ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.local.ports import LOOPBACK
from deploy.local.progress import run_with_progress
from deploy.local.services import TODO_CLIENT_ID, System, service_command, todo_client_secret
from deploy.local.state import STATE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCOPES = {"todos:read": "Read your todos", "todos:write": "Add, change and delete your todos"}


def provision(system: System, environments: Mapping[str, Mapping[str, str]]) -> None:
    """Register them before anything starts. For our own database a stamp file records that."""
    auth, todo = environments["auth"], environments["todo"]
    api = f"{system.issuer}/api/v1"
    steps: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("the todo API", ("resources", "provision"), describe_api(api)),
        ("the web application", ("clients", "provision", "web"), describe_web_application(api)),
    ]
    if todo.get("TODO_CLIENT_ID") == TODO_CLIENT_ID:  # otherwise the user has set another client
        secret = ("--secret-file", str(todo_client_secret()))
        events = f"http://{LOOPBACK}:{system.todo_port}/internal/events"
        provision = ("clients", "provision", TODO_CLIENT_ID, *secret)
        steps.append(("todo-service as a client", provision, describe_todo_service(api, events)))
    wanted, stamp = STATE / "provisioned.json", STATE / "provisioned.stamp"
    text = json.dumps(steps)
    ours = auth.get("AUTH_DATABASE_URL", "").endswith(f"///{STATE / 'auth.db'}")
    if ours and stamp.exists() and stamp.read_text(encoding="utf-8") == text:
        return
    before = find_issuer(stamp) if ours else None
    if before not in (None, system.issuer):  # another port, for example
        move = service_command("auth", "issuer", "move", str(before), "--yes")
        run_with_progress(f"Moving what was stored under {before}", move, auth)
    for name, arguments, members in steps:
        wanted.write_text(json.dumps(members), encoding="utf-8")
        run_with_progress(f"Registering {name}", service_command("auth", *arguments), auth, stdin=wanted)
    if ours:
        stamp.write_text(text, encoding="utf-8")


def find_issuer(stamp: Path) -> str | None:
    """The issuer whose APIs were registered last time, or None if the stamp does not say it."""
    try:
        [_, _, members], *_ = json.loads(stamp.read_text(encoding="utf-8"))
        resource: str = members["resource"]
    except (OSError, ValueError, TypeError, LookupError):
        return None
    return resource.removesuffix("/api/v1")


def describe_api(api: str) -> dict[str, Any]:
    return {"resource": api, "name": "Todos", "scopes": SCOPES, "identity": True, "listed": True}


def describe_web_application(api: str) -> dict[str, Any]:
    return {
        "client_name": "Web application",
        "token_endpoint_auth_method": "none",
        "scope": " ".join(SCOPES),
        "default_resource": api,
        "first_party": True,
    }


def describe_todo_service(api: str, event_endpoint: str) -> dict[str, Any]:
    return {
        "client_name": "todo-service",
        "grant_types": ["client_credentials"],
        "protected_resource": api,
        "event_endpoint": event_endpoint,
    }
