"""The operator's commands: help, JSON lines, exit codes, confirmations, and no secret on a command line."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer

from auth_service.accounts.accounts import replace_password_hash
from auth_service.commands import users
from auth_service.commands.operators import app
from auth_service.sessions.browser_sessions import end_sessions
from auth_service.store.database import open_database

from .conftest import PASSWORD, Service, Start
from .waiting import wait_until

NEW_PASSWORD = "another-horse-2"


def test_an_account_made_by_the_operator_signs_in(service: Service) -> None:
    made = service.command("users", "create", "--email", "Ann@Example.com", "--name", "Ann", stdin=f"{PASSWORD}\n")
    assert (made.returncode, made.stderr) == (0, "")
    record = json.loads(made.stdout)
    assert set(record) == {"id", "email", "name", "username", "email_verified", "status", "second_factor", "created_at"}
    answer = service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    assert answer.json()["user"]["id"] == record["id"]
    listed = [json.loads(line) for line in service.command("users", "list").stdout.splitlines()]
    by_email = json.loads(service.command("users", "show", "ANN@example.com").stdout)
    by_id = json.loads(service.command("users", "show", record["id"], "--json").stdout)
    assert listed == [record]
    assert by_email == by_id == record


def test_accounts_are_searched_ordered_and_limited(service: Service) -> None:
    """The pages are smaller than the list, and `_` and `%` stand for themselves."""
    for email, name in (("b@example.com", "Zoe"), ("c_d@example.com", "Ann"), ("a@example.com", "Ben 100%")):
        service.command("users", "create", "--email", email, "--name", name, stdin=f"{PASSWORD}\n")

    def listed(*options: str) -> list[str]:
        done = service.command("users", "list", *options)
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line)["email"].partition("@")[0] for line in done.stdout.splitlines()]

    with mock.patch.object(users, "PAGE", 2):
        assert sorted(listed()) == ["a", "b", "c_d"]
        assert listed("--order", "email") == ["a", "b", "c_d"]
        assert listed("--order", "oldest") == ["b", "c_d", "a"]
        assert listed("--order", "newest") == ["a", "c_d", "b"]
        assert listed("--order", "newest", "--limit", "1") == ["a"]
    assert listed("--search", "ANN") == ["c_d"]
    assert listed("--search", "b", "--order", "email") == ["a", "b"]
    assert (listed("--search", "_"), listed("--search", "0%")) == (["c_d"], ["a"])
    assert listed("--search", "nobody") == []
    assert service.command("users", "list", "--order", "age").returncode == 2


def test_usage_lines_name_the_command_as_the_images_have_it(sqlite_service: Service) -> None:
    assert "Usage: auth-service users list [OPTIONS]" in sqlite_service.command("users", "list", "--help").stdout


@pytest.mark.process
def test_a_process_says_what_a_call_says(sqlite_service: Service) -> None:
    """Most tests call commands in this process. This one checks that a call gives what an operator's process gives."""
    sqlite_service.signed_up("ann@example.com")
    for arguments, code in (
        (["users", "suspend", "ann@example.com", "--yes"], 0),
        (["users", "delete", "ann@example.com"], 1),
        (["users", "nope"], 2),
    ):
        called = sqlite_service.command(*arguments)
        sqlite_service.execute("UPDATE accounts SET suspended_at = NULL")
        processed = sqlite_service.process(*arguments)
        assert called.returncode == processed.returncode == code
        shown = [done.stdout.replace('"sessions_ended": 1', '"sessions_ended": 0') for done in (called, processed)]
        assert shown[0] == shown[1]
        assert called.stderr == processed.stderr


def done(service: Service, *arguments: str, stdin: str = "") -> dict[str, Any]:
    """The JSON output of a command that succeeds."""
    result = service.command(*arguments, stdin=stdin)
    assert (result.returncode, result.stderr) == (0, "")
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def sign_in(service: Service, password: str) -> tuple[int, str | None]:
    response = service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": password})
    return response.status_code, response.json().get("code")


def test_a_suspended_account_is_out_at_once_and_an_activated_one_may_sign_in_again(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    suspended = done(service, "users", "suspend", "ANN@example.com", "--yes")
    assert (suspended["status"], suspended["sessions_ended"]) == ("suspended", 1)
    assert client.get("/token").status_code == 401
    assert client.get("/get-session").json() is None
    assert sign_in(service, PASSWORD) == (403, "ACCOUNT_SUSPENDED")
    assert sign_in(service, "not-the-password") == (401, "INVALID_EMAIL_OR_PASSWORD")
    assert done(service, "users", "show", suspended["id"])["status"] == "suspended"
    assert done(service, "users", "activate", suspended["id"])["status"] == "active"
    assert sign_in(service, PASSWORD) == (200, None)
    assert client.get("/token").status_code == 401, "an ended session works again"


def test_another_password_ends_the_sessions_unless_they_are_kept(service: Service) -> None:
    client = service.signed_up("ann@example.com")
    kept = done(service, "users", "set-password", "ann@example.com", "--keep-sessions", stdin=f"{NEW_PASSWORD}\n")
    assert kept["sessions_ended"] == 0
    assert client.get("/token").status_code == 200
    assert sign_in(service, PASSWORD) == (401, "INVALID_EMAIL_OR_PASSWORD")
    assert sign_in(service, NEW_PASSWORD) == (200, None)
    assert done(service, "users", "set-password", kept["id"], stdin=f"{PASSWORD}\n")["sessions_ended"] == 2
    assert client.get("/token").status_code == 401
    assert sign_in(service, PASSWORD) == (200, None)


def test_revoked_sessions_end_and_a_deleted_account_is_gone(service: Service) -> None:
    first, other = service.signed_up("ann@example.com"), service.signed_up("eve@example.com")
    revoked = done(service, "users", "revoke-sessions", "ann@example.com", "--yes")
    assert (revoked["status"], revoked["sessions_ended"]) == ("active", 1)
    assert first.get("/token").status_code == 401
    assert sign_in(service, PASSWORD) == (200, None)
    deleted = done(service, "users", "delete", revoked["id"], "--yes")
    assert (deleted["id"], deleted["status"]) == (revoked["id"], "deleted")
    assert sign_in(service, PASSWORD) == (401, "INVALID_EMAIL_OR_PASSWORD")
    for table in ("accounts", "identities", "browser_sessions"):
        assert service.rows(f"SELECT count(*) FROM {table}") == [(1,)], "only Eve's rows may be left"
    assert other.get("/token").status_code == 200


def test_a_session_is_listed_and_revoked_by_its_id_and_its_handle_is_never_shown(service: Service) -> None:
    ann, eve = service.signed_up("ann@example.com"), service.signed_up("eve@example.com")
    sessions = [client.get("/get-session").json()["session"] for client in (ann, eve)]
    listed = service.command("sessions", "list").stdout
    assert {json.loads(line)["id"] for line in listed.splitlines()} == {session["id"] for session in sessions}
    assert not any(session["token"] in listed for session in sessions)
    assert done(service, "sessions", "list", "--user", "eve@example.com")["account_id"] == sessions[1]["userId"]
    by_handle = service.command("sessions", "revoke", sessions[0]["token"])
    assert (by_handle.returncode, by_handle.stderr) == (1, "auth-service: there is no session with this id\n")
    revoked = done(service, "sessions", "revoke", sessions[0]["id"])
    assert (revoked["id"], revoked["status"]) == (sessions[0]["id"], "revoked")
    assert [client.get("/token").status_code for client in (ann, eve)] == [401, 200]


@pytest.mark.usefixtures("real_hashing")
def test_no_sign_in_with_the_old_password_outlives_its_change(start: Start, database_url: str) -> None:
    """A password is checked before the transaction that starts the session, so it may change in between."""
    service = start(database_url, AUTH_LIMITS="off")
    service.signed_up("ann@example.com")
    account_id = service.rows("SELECT id FROM accounts")[0][0]

    async def change(engine_url: str) -> None:
        database = open_database(engine_url)
        async with database.writing() as session:
            assert await replace_password_hash(session, account_id, "$none$", replacing=None, now=service.clock())
            await end_sessions(session, account_id, now=service.clock())
        await database.close()

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(sign_in, service, PASSWORD) for _ in range(40)]
        wait_until(lambda: sum(answer.done() for answer in answers) >= 10)
        asyncio.run(change(database_url))
        answers += [pool.submit(sign_in, service, PASSWORD) for _ in range(8)]  # in case all others were earlier
        statuses = [answer.result()[0] for answer in answers]
    assert set(statuses) == {200, 401}
    assert service.rows("SELECT count(*) FROM browser_sessions") == [(0,)]


REFUSED = {
    "taken": (["users", "create", "--email", "ann@example.com"], PASSWORD, "already has an account"),
    "no address": (["users", "create", "--email", "nonsense"], PASSWORD, "not an e-mail address"),
    "short": (["users", "create", "--email", "b@example.com"], "short", "8 to 128 characters"),
    "common": (["users", "create", "--email", "b@example.com"], "password1", "most common"),
    "no password": (["users", "create", "--email", "b@example.com"], "", "8 to 128 characters"),
    "another password that is short": (["users", "set-password", "ann@example.com"], "short", "8 to 128 characters"),
    "another password of nobody": (["users", "set-password", "nobody@example.com"], PASSWORD, "there is no account"),
    "a long name": (["users", "create", "--email", "b@example.com", "--name", "x" * 257], PASSWORD, "at most 256"),
    "escape codes": (["users", "create", "--email", "b@example.com", "--name", "a\x1b[2J"], PASSWORD, "control"),
    "unknown": (["users", "show", "nobody@example.com"], "", "there is no account"),
    "delete nobody": (["users", "delete", "nobody", "--yes"], "", "there is no account"),
    "sessions of nobody": (["sessions", "list", "--user", "nobody"], "", "there is no account"),
    "suspend unasked": (["users", "suspend", "ann@example.com"], "y\n", "add --yes"),
    "delete unasked": (["users", "delete", "ann@example.com"], "y\n", "add --yes"),
    "revoke unasked": (["users", "revoke-sessions", "ann@example.com"], "y\n", "add --yes"),
}


@pytest.mark.parametrize(("arguments", "stdin", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refused_command_exits_1_says_why_and_changes_nothing(
    sqlite_service: Service, arguments: list[str], stdin: str, message: str
) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    result = sqlite_service.command(*arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert client.get("/token").status_code == 200


def test_a_database_that_does_not_answer_is_told_in_one_line(sqlite_service: Service) -> None:
    result = sqlite_service.command("users", "list", AUTH_DATABASE_URL="postgresql+psycopg://ann:hidden@127.0.0.1:1/x")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("auth-service: the database does not answer")
    assert len(result.stderr.splitlines()) == 1
    assert "hidden" not in result.stderr


@pytest.mark.process
def test_wrong_usage_exits_2(sqlite_service: Service) -> None:
    for arguments in (
        ["users", "nope"],
        ["users", "create"],
        ["secrets", "rotate", "--keep", "-1"],
    ):
        assert sqlite_service.command(*arguments).returncode == 2, arguments
    assert sqlite_service.process("serve", "--port", "0").returncode == 2


def commands_of(group: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command and group of the parser, with its path."""
    group = group or typer.main.get_command(app)
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{path}{name} ")


def test_every_command_and_each_of_its_options_has_help(sqlite_service: Service) -> None:
    for path, command in commands_of():
        assert command.help, path
        assert all(parameter.help for parameter in command.params), path
    result = sqlite_service.command("users", "suspend", "--help")
    assert (result.returncode, "Usage" in result.stdout) == (0, True)


def test_the_documents_show_every_command() -> None:
    documents = [path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].glob("*.md")]
    for path, _ in commands_of():
        group, _, name = path.partition(" ")
        lines = [line for text in documents for line in text.splitlines() if f"auth-service {group}" in line]
        assert any(name in line for line in lines), path


def test_an_address_is_changed_and_said_to_be_verified(service: Service) -> None:
    person, other = (service.signed_up(f"{name}@example.com") for name in ("ann", "eve"))
    for arguments, email, verified in (
        (["ANN@new.example", "--verified"], "ann@new.example", True),
        (["ann@newer.example"], "ann@newer.example", False),
        (["ann@newer.example", "--verified"], "ann@newer.example", True),
    ):
        before = "ann@example.com" if email == "ann@new.example" else person.get("/get-session").json()["user"]["email"]
        done = service.command("users", "set-email", before, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        told = json.loads(done.stdout)
        assert (told["email"], told["email_verified"]) == (email, verified)
        user = person.get("/get-session").json()["user"]
        assert (user["email"], user["emailVerified"]) == (email, verified), "the session goes on"
    taken = service.command("users", "set-email", email, "eve@example.com")
    assert (taken.returncode, taken.stderr) == (1, "auth-service: eve@example.com already has an account\n")
    assert service.command("users", "set-email", email, "nobody").returncode == 1
    assert other.get("/get-session").json()["user"]["email"] == "eve@example.com"
    answer = service.client().post("/sign-in/email", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200


def test_keys_are_listed_without_their_private_parts(service: Service) -> None:
    keys = [json.loads(line) for line in service.command("keys", "list").stdout.splitlines()]
    assert [(key["purpose"], key["state"]) for key in keys] == [
        (purpose, state) for purpose in ("tokens", "status lists") for state in ("active", "next")
    ]
    published = [key["kid"] for key in service.client().get("/jwks").json()["keys"]]
    assert [key["kid"] for key in keys] == published
    assert set(keys[0]) == {
        "kid", "purpose", "state", "alg", "created_at", "activated_at", "retired_at", "encryption_key_version",
        "verifiers", "apis", "clients", "polled_only",
    }  # fmt: skip


def on_a_terminal(service: Service, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run a command on a terminal; return its exit code and the terminal's text."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "auth_service", *arguments]
    folder = Path(__file__).parents[1]
    with subprocess.Popen(
        command, cwd=folder, env=service.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = read_all(ours)
    return process.returncode, seen


def read_all(descriptor: int) -> str:
    octets = b""
    while True:
        try:
            read = os.read(descriptor, 65536)
        except OSError:  # on Linux: the other end has been closed
            read = b""
        if not read:
            os.close(descriptor)
            return octets.decode()
        octets += read


@pytest.mark.process
def test_a_terminal_sees_a_table_and_is_asked_first(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    sqlite_service.execute("UPDATE accounts SET name = char(27) || '[2J'")
    no, seen = on_a_terminal(sqlite_service, "users", "delete", "ann@example.com", typed="n\n")
    assert (no, "for good?" in seen, "nothing was changed" in seen) == (1, True, True)
    assert client.get("/token").status_code == 200
    yes, seen = on_a_terminal(sqlite_service, "users", "suspend", "ann@example.com", typed="y\n")
    assert yes == 0
    header, row = seen.splitlines()[-2:]
    assert {"id", "email", "status"} <= set(header.split())
    assert "suspended" in row
    assert "\x1b[2J" not in seen, "the account's name cleared the operator's screen"
    assert client.get("/token").status_code == 401


@pytest.mark.process
def test_a_long_list_comes_in_pages_and_a_terminal_is_told_how_far_it_is(service: Service) -> None:
    now = "2026-01-01 00:00:00+00:00" if service.database_url.startswith("postgresql") else "2026-01-01 00:00:00"
    values = [f"('a{n:04}', '{n}@example.com', false, 'Ann', '{now}', '{now}')" for n in range(1201)]
    columns = "id, email, email_verified, name, created_at, updated_at"
    service.execute(f"INSERT INTO accounts ({columns}) VALUES {','.join(values)}")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "auth_service", "users", "list"]
    folder = Path(__file__).parents[1]
    listed = subprocess.run(command, cwd=folder, env=service.environment(), stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    assert [json.loads(line)["id"] for line in listed.stdout.splitlines()] == [f"a{n:04}" for n in range(1201)]
    assert "1,201 so far" in read_all(ours)
