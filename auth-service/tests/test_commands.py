"""The operator's commands: help, JSON lines, exit codes, and no secret on a command line."""

import json

import pytest

from .conftest import PASSWORD, Service


def test_an_account_made_by_the_operator_signs_in(service: Service) -> None:
    made = service.command("users", "create", "--email", "Ann@Example.com", "--name", "Ann", stdin=f"{PASSWORD}\n")
    assert (made.returncode, made.stderr) == (0, "")
    record = json.loads(made.stdout)
    assert set(record) == {"id", "email", "name", "email_verified", "status", "created_at"}
    answer = service.client().post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    assert answer.json()["user"]["id"] == record["id"]
    listed = [json.loads(line) for line in service.command("users", "list").stdout.splitlines()]
    by_email = json.loads(service.command("users", "show", "ANN@example.com").stdout)
    by_id = json.loads(service.command("users", "show", record["id"], "--json").stdout)
    assert listed == [record]
    assert by_email == by_id == record


REFUSED = {
    "taken": (["users", "create", "--email", "ann@example.com"], PASSWORD, "has an account already"),
    "no address": (["users", "create", "--email", "nonsense"], PASSWORD, "not an e-mail address"),
    "short": (["users", "create", "--email", "b@example.com"], "short", "8 to 128 characters"),
    "common": (["users", "create", "--email", "b@example.com"], "password1", "most common"),
    "no password": (["users", "create", "--email", "b@example.com"], "", "8 to 128 characters"),
    "unknown": (["users", "show", "nobody@example.com"], "", "there is no account"),
}


@pytest.mark.parametrize(("arguments", "stdin", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refused_command_exits_1_and_says_why(
    sqlite_service: Service, arguments: list[str], stdin: str, message: str
) -> None:
    sqlite_service.signed_up("ann@example.com")
    result = sqlite_service.command(*arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_wrong_usage_exits_2(sqlite_service: Service) -> None:
    for arguments in (["users", "nope"], ["users", "create"], ["serve", "--port", "0"]):
        assert sqlite_service.command(*arguments).returncode == 2, arguments


@pytest.mark.parametrize(
    "arguments", [[], ["serve"], ["migrate"], ["users"], ["users", "create"], ["users", "list"], ["keys", "list"]]
)
def test_every_command_has_help(sqlite_service: Service, arguments: list[str]) -> None:
    result = sqlite_service.command(*arguments, "--help")
    assert result.returncode == 0
    assert "Usage" in result.stdout


def test_keys_are_listed_without_their_private_parts(service: Service) -> None:
    keys = [json.loads(line) for line in service.command("keys", "list").stdout.splitlines()]
    assert [key["state"] for key in keys] == ["active", "next"]
    published = [key["kid"] for key in service.client().get("/jwks").json()["keys"]]
    assert [key["kid"] for key in keys] == published
    assert set(keys[0]) == {"kid", "state", "alg", "created_at", "activated_at", "retired_at", "encryption_key_version"}
