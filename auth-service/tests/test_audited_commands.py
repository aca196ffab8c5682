"""Every command that changes something leaves a row in the audit trail. The commands come from the parser.

A new command fails the first test until it stands in one of the two lists below: `READS`, or the steps with its event.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from auth_service.commands.operators import app

from .browser import signed_in
from .code_flow import API, register_frontend
from .conftest import PASSWORD, SECRET, Service, Start, Store
from .factor_scene import protect
from .operator_commands import Done, call_command
from .registry import ISSUER

RUN_UNTIL_STOPPED = {"serve", "worker"}
READS = {
    "users list": [],
    "users show": ["ann@example.com"],
    "clients list": [],
    "clients show": ["web"],
    "resources list": [],
    "resources show": [API],
    "upstreams list": [],
    "upstreams show": ["corp"],
    "registration-tokens list": [],
    "roles list": [],
    "groups list": [],
    "groups members": ["staff"],
    "mail list": [],
    "consents list": [],
    "sessions list": [],
    "tokens list": [],
    "events list": [],
    "keys list": [],
    "keys verifiers": [],
    "keys check": [],
    "audit list": [],
    "audit export": [],
}
NEW_API: dict[str, Any] = {
    "resource": "https://api.example.com/v1",
    "name": "Things",
    "scopes": {"things:read": "Read your things"},
    "roles": {"keeper": "Keeps things"},
}
CONNECTED = (
    "INSERT INTO upstream_identities (id, account_id, issuer, subject, upstream_id, created_at, updated_at) "
    "SELECT "
    "'u', id, 'https://corp.example.com', '1', 'corp', created_at, created_at FROM accounts "
    "WHERE email = 'ann@example.com'"
)
UPSTREAM = {"id": "corp", "name": "Corp", "issuer": "https://corp.example.com", "client_id": "us"}
PUBLIC_UPSTREAM = {**UPSTREAM, "token_endpoint_auth_method": "none"}
DOCUMENT = "https://app.example.com/client.json"
MAIL = {"AUTH_MAIL_URL": "console:", "AUTH_MAIL_FROM": "no-reply@example.com"}
KEEPER = ["keeper", "--resource", NEW_API["resource"]]
NIGHTLY = ["--name", "Nightly", "--resource", API, "--scope", "todos:read", "--lifetime", "P1D"]
SERVICE_CLIENT = {"grant_types": ["client_credentials"], "client_name": "Robot"}
FAILED_EVENT = (
    "INSERT INTO event_deliveries (jti, client_id, type, account_id, occurred_at, attempts, next_at, expires_at) "
    "SELECT 'e', client_id, 'urn:x', 'a', created_at, 1, '2040-01-01 00:00:00.000000', '2040-01-01 00:00:00.000000' "
    "FROM clients WHERE client_id = 'web'"
)

PASSKEY = (
    "INSERT INTO passkeys (id, account_id, credential_id, public_key, sign_count, name, aaguid, transports, is_synced, "
    "is_backed_up, created_at, updated_at) SELECT 'p', id, 'c', x'00', 0, 'Phone', '', '', 0, 0, created_at, "
    "created_at FROM accounts WHERE email = 'ann@example.com'"
)


def _walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The names of all commands below a group of the parser."""
    if not hasattr(command, "commands"):
        yield " ".join(path)
        return
    for name, each in command.commands.items():
        yield from _walk(each, (*path, name))


COMMANDS = set(_walk(typer.main.get_command(app)))


@dataclass(frozen=True)
class Step:
    """A command, the event that it must leave, and what it needs; each sees what the steps before it have made."""

    command: str
    event: str
    arguments: Callable[["Scene"], list[str]] = lambda _: []
    stdin: Any = ""


class Scene:
    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.secret_file = folder / "auth_secret"
        self.secret_file.write_text(SECRET + "\n")
        self.client_secret = folder / "client_secret"
        self.client_secret.write_text(secrets.token_hex(32))
        self.configuration = folder / "auth.yaml"
        self.configuration.write_text("groups: [{name: auditors}]")
        self.frontend = register_frontend(service)
        browser = signed_in(service, "eve@example.com").authorize(self.frontend).allow()
        assert self.frontend.redeem(browser.answer["code"]).status_code == 200
        service.execute(FAILED_EVENT)

    def run(self, command: str, arguments: list[str], stdin: str = "") -> Done:
        environment = self.service.environment(AUTH_SECRET_FILE=str(self.secret_file), **MAIL)
        del environment["AUTH_SECRET"]
        return call_command([*command.split(), *arguments], environment, stdin)

    def one(self, query: str) -> str:
        return str(self.service.rows(query)[0][0])

    def robot(self) -> str:
        return self.one("SELECT client_id FROM clients WHERE registered LIKE '%Robot%'")

    def protected(self) -> list[str]:
        protect(self.service)
        return [*ANN, "--yes"]

    def with_passkey(self) -> list[str]:
        self.service.execute(PASSKEY)
        return [*ANN, "--yes"]

    def connected(self) -> list[str]:
        self.service.execute(CONNECTED)
        return [*ANN, "corp", "--yes"]

    def kept(self) -> dict[str, Any]:
        """All rows of the database."""
        tables = self.service.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {name: self.service.rows(f"SELECT * FROM {name}") for (name,) in tables}


ANN = ["ann@example.com"]
STEPS = (
    Step("users create", "account_created", lambda _: ["--email", *ANN], f"{PASSWORD}\n"),
    Step("users import", "account_imported", lambda _: ["-"], {"email": "imported@example.com"}),
    Step("users set-email", "email_changed", lambda _: [*ANN, *ANN, "--verified"]),
    Step("users set-username", "username_changed", lambda _: [*ANN, "ann"]),
    Step("users set-profile", "profile_changed", lambda _: ANN, {"nickname": "Annie"}),
    Step("users set-password", "password_changed", lambda _: ANN, f"another-{PASSWORD}\n"),
    Step("users disable-second-factor", "second_factor_disabled", Scene.protected),
    Step("users require-second-factor", "second_factor_required", lambda _: ANN),
    Step("users remove-passkeys", "passkeys_removed", Scene.with_passkey),
    Step("users disconnect", "upstream_unlinked", Scene.connected),
    Step("users suspend", "account_suspended", lambda _: [*ANN, "--yes"]),
    Step("users activate", "account_activated", lambda _: ANN),
    Step("users revoke-sessions", "sessions_revoked", lambda _: [*ANN, "--yes"]),
    Step("users delete", "account_deleted", lambda _: [*ANN, "--yes"]),
    Step(
        "sessions revoke",
        "session_revoked",
        lambda scene: [scene.one("SELECT id FROM browser_sessions")],
    ),
    Step(
        "consents withdraw", "consent_withdrawn", lambda scene: ["eve@example.com", scene.frontend.client_id, "--yes"]
    ),
    Step("clients create", "client_registered", stdin=SERVICE_CLIENT),
    Step(
        "clients update", "client_updated", lambda scene: [scene.robot()], {**SERVICE_CLIENT, "client_name": "Robot 2"}
    ),
    Step("clients rotate-secret", "client_secret_rotated", lambda scene: [scene.robot()]),
    Step("clients rotate-secret", "client_secret_revoked", lambda scene: [scene.robot(), "--revoke", "--yes"]),
    Step("clients block", "client_blocked", lambda _: [DOCUMENT, "--yes"]),
    Step("clients unblock", "client_unblocked", lambda _: [DOCUMENT]),
    Step("clients delete", "client_deleted", lambda scene: [scene.robot(), "--yes"]),
    Step(
        "clients provision",
        "client_provisioned",
        lambda scene: [f"client_{'a' * 32}", "--secret-file", str(scene.client_secret)],
        SERVICE_CLIENT,
    ),
    Step("resources create", "resource_registered", stdin=NEW_API),
    Step(
        "resources update", "resource_registered", lambda _: [NEW_API["resource"]], {**NEW_API, "name": "Other things"}
    ),
    Step("resources provision", "resource_registered", stdin={**NEW_API, "name": "Things again"}),
    Step("roles grant", "role_granted", lambda _: ["eve@example.com", *KEEPER]),
    Step("roles revoke", "role_revoked", lambda _: ["eve@example.com", *KEEPER]),
    Step("groups create", "group_created", lambda _: ["staff"]),
    Step("groups grant", "group_granted", lambda _: ["eve@example.com", "staff"]),
    Step("groups revoke", "group_revoked", lambda _: ["eve@example.com", "staff"]),
    Step("groups delete", "group_deleted", lambda _: ["staff", "--yes"]),
    Step(
        "upstreams create",
        "upstream_registered",
        lambda scene: ["--secret-file", str(scene.client_secret)],
        UPSTREAM,
    ),
    Step("upstreams update", "upstream_registered", lambda _: ["corp"], {**UPSTREAM, "trusted": True}),
    Step("upstreams delete", "upstream_removed", lambda _: ["corp", "--yes"]),
    Step("apply", "configuration_applied", lambda scene: [str(scene.configuration)]),
    Step("registration-tokens create", "registration_token_created"),
    Step(
        "registration-tokens revoke",
        "registration_token_revoked",
        lambda scene: [scene.one("SELECT id FROM registration_tokens"), "--yes"],
    ),
    Step("tokens create", "personal_token_created", lambda _: ["eve@example.com", *NIGHTLY]),
    Step(
        "tokens revoke", "personal_token_revoked", lambda scene: [scene.one("SELECT id FROM personal_tokens"), "--yes"]
    ),
    Step("mail test", "test_mail_posted", lambda _: ["eve@example.com"]),
    Step("mail resend", "mails_resent", lambda _: ["--all"]),
    Step("resources delete", "resource_removed", lambda _: [NEW_API["resource"], "--yes"]),
    Step("events resend", "events_resent", lambda _: ["--all"]),
    Step("keys rotate", "keys_rotated", lambda _: ["--now"]),
    Step("keys rotate", "key_withdrawn", lambda _: ["--emergency", "--yes"]),
    Step("keys rewrap", "keys_rewrapped"),
    Step("secrets rotate", "cookie_secret_rotated"),
    Step("issuer move", "issuer_moved", lambda _: ["http://old.example.com", "--yes"]),
    Step("restore", "database_restored", lambda _: ["--yes"]),
)


def test_each_command_is_known_to_read_or_to_leave_a_row() -> None:
    audited = {step.command for step in STEPS} | {"migrate"}
    assert audited | READS.keys() | RUN_UNTIL_STOPPED == COMMANDS
    assert not audited & READS.keys()


def test_each_command_that_changes_something_leaves_a_row(start: Start, sqlite_url: str, tmp_path: Path) -> None:
    scene = Scene(start(sqlite_url), tmp_path)
    scene.service.execute(f"UPDATE clients SET registered = replace(registered, '{ISSUER}', 'http://old.example.com')")
    for step in STEPS:
        count = f"SELECT count(*) FROM audit_events WHERE event = '{step.event}'"
        before = int(scene.one(count))
        arguments = step.arguments(scene)
        done = scene.run(step.command, arguments, step.stdin if isinstance(step.stdin, str) else json.dumps(step.stdin))
        assert done.returncode == 0, (step.command, done.stderr)
        assert int(scene.one(count)) == before + 1, step.command


def test_a_command_that_reads_changes_no_row(start: Start, sqlite_url: str, tmp_path: Path) -> None:
    scene = Scene(start(sqlite_url), tmp_path)
    scene.run("users create", ["--email", *ANN], f"{PASSWORD}\n")
    scene.run("groups create", ["staff"])
    scene.run("upstreams create", [], json.dumps(PUBLIC_UPSTREAM))
    for command, arguments in READS.items():
        before = scene.kept()
        done = scene.run(command, arguments)
        assert done.returncode == 0, (command, done.stderr)
        assert scene.kept() == before, command


def test_a_migration_leaves_a_row_if_there_was_something_to_migrate(bare_url: str) -> None:
    store = Store(bare_url)
    for _ in range(2):
        assert store.command("migrate").returncode == 0
        [(event, facts)] = store.rows("SELECT event, facts FROM audit_events")
        assert (event, json.loads(facts)["before"]) == ("schema_migrated", None)
