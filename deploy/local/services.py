"""The environment of the two services, their secrets, and the migration of their databases."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.local.packages import python
from deploy.local.ports import LOOPBACK
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE, lock
from gateway.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SERVICES = {"auth": "auth-service", "todo": "todo-service"}
PACKAGES = {"auth": (), "todo": ("verifier/python",)}  # folders with packages of ours that the service imports
TODO_CLIENT_ID = f"client_{'todoservice':0>32}"


@dataclass(frozen=True)
class System:
    """The system that one `up` runs: its issuer, its ports, its limits and its web application."""

    issuer: str
    auth_port: int
    todo_port: int
    limits: bool = True
    web: Path | None = None  # folder of the built web application

    def environment(self, name: str) -> dict[str, str]:
        """A service's environment: the user's settings for it, and our defaults for those that the user did not set."""
        foreign = tuple(f"{other.upper()}_" for other in SERVICES if other != name)
        environ = {key: value for key, value in os.environ.items() if not key.startswith((*foreign, PREFIX))}
        for key, value in self.defaults(name).items():
            given = key.removesuffix("_FILE")
            if not environ.get(given) and not environ.get(f"{given}_FILE"):
                environ[key] = value
        environ.pop("PYTHONHOME", None)
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it every start would compile everything again
        environ[f"{name.upper()}_ISSUER"] = self.issuer
        if not self.limits:
            environ |= {"auth": {"AUTH_LIMITS": "off"}, "todo": {"TODO_RATE_LIMIT": "off"}}[name]
        return {**environ, "PYTHONPATH": code_path(name), "PYTHONUNBUFFERED": "1"}

    def defaults(self, name: str) -> dict[str, str]:
        database = f"sqlite+aiosqlite:///{STATE / name}.db"
        if name == "todo":
            copies = {f"TODO_{name.upper()}_FILE": str(STATE / f"{name}.json") for name in ("jwks", "status_lists")}
            web = {"TODO_WEB_FOLDER": str(self.web)} if self.web else {}
            inside = {"TODO_AUTH_URL": f"http://{LOOPBACK}:{self.auth_port}"}
            client = {
                "TODO_CLIENT_ID": TODO_CLIENT_ID,
                "TODO_CLIENT_SECRET_FILE": str(todo_client_secret()),
            }
            return {"TODO_DATABASE_URL": database, **inside, **copies, **web, **client}
        keys = {f"{key.upper()}_FILE": str(secret_file(key)) for key in ("auth_secret", "auth_key_encryption_keys")}
        near = {"AUTH_EVENT_NETWORKS": f"{LOOPBACK}/32", "AUTH_UPSTREAM_NETWORKS": f"{LOOPBACK}/32,::1/128"}
        return {"AUTH_DATABASE_URL": database, **near, **keys, **self.mail()}

    def mail(self) -> dict[str, str]:
        """Mail into files, which the inbox shows; not if the user has set another way, or others sign in here."""
        is_given = any(os.environ.get(name) for name in ("AUTH_MAIL_URL", "AUTH_MAIL_URL_FILE"))
        if is_given or urlsplit(self.issuer).hostname not in ("localhost", LOOPBACK, "::1"):
            return {}
        return {"AUTH_MAIL_URL": mail_folder().as_uri(), "AUTH_MAIL_FROM": "Accounts <no-reply@localhost>"}


def mail_folder() -> Path:
    """The folder of the mails that `up` sends, and inbox.py shows."""
    return STATE / "mails"


def code_path(name: str, folder: Path | None = None) -> str:
    """PYTHONPATH of a service. `folder` is the service's, if it is not the one of this checkout."""
    service = folder or ROOT / SERVICES[name]
    return os.pathsep.join(map(str, (service, *(service / package for package in PACKAGES[name]))))


def secret_file(name: str, *, version: str = "1:") -> Path:
    """The file of a secret of this installation, made at first use."""
    file = STATE / "secrets" / name
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock("secrets.lock"):
        if not file.exists():
            draft = file.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(f"{version}{secrets.token_urlsafe(48)}\n", encoding="utf-8")
            draft.replace(file)
    return file


def todo_client_secret() -> Path:
    """The secret by which todo-service authenticates at auth-service; unlike a key it has no version."""
    return secret_file("todo_client_secret", version="")


def service_command(name: str, *arguments: str) -> list[str]:
    """A command of a service. -P: a module in the caller's folder must not replace one of ours."""
    return [python(), "-P", "-m", f"{name}_service", *arguments]


def migrate(name: str, environ: Mapping[str, str]) -> None:
    """Migrate a database to the newest schema. For our own SQLite file a stamp file records these migrations."""
    versions = sorted((ROOT / SERVICES[name]).rglob("versions/*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in versions)).hexdigest()
    stamp, database = STATE / f"{name}.migrated", STATE / f"{name}.db"
    ours = environ.get(f"{name.upper()}_DATABASE_URL", "").endswith(f"///{database}")
    if ours and database.exists() and stamp.exists() and stamp.read_text(encoding="ascii") == digest:
        return
    if ours:
        database.touch(mode=0o600)
    run_with_progress(f"Migrating the database of {SERVICES[name]}", service_command(name, "migrate"), environ)
    if ours:
        stamp.write_text(digest, encoding="ascii")
