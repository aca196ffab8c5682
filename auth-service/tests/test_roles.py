"""Roles at APIs and groups, by command: who may have which, and what a removal takes away."""

import json
from typing import Any

import pytest

from auth_service.roles import bounds

from .code_flow import sign_up
from .conftest import Service
from .oauth_client import register
from .registry import API

BILLING = "https://api.example.com/billing"
ROLES = {"accountant": "Sees everybody's invoices", "auditor": "Reads only"}
MEMBERS: dict[str, Any] = {
    "resource": BILLING, "name": "Billing", "scopes": {"billing:read": "See your invoices"}, "roles": ROLES,
    "groups": True,
}  # fmt: skip
EMAIL = "ann@example.com"


def run(service: Service, *arguments: str, stdin: object = None) -> list[dict[str, Any]]:
    done = service.command(*arguments, stdin="" if stdin is None else json.dumps(stdin))
    assert done.returncode == 0, done.stderr
    service.forget()
    return [json.loads(line) for line in done.stdout.splitlines()]


def refusal(service: Service, *arguments: str, stdin: object = None) -> str:
    done = service.command(*arguments, stdin="" if stdin is None else json.dumps(stdin))
    assert (done.returncode, done.stdout) == (1, "")
    service.forget()
    return done.stderr.removeprefix("auth-service: ").rstrip("\n")


def with_api(service: Service, **changes: Any) -> Service:
    run(service, "resources", "create", stdin={**MEMBERS, **changes})
    return service


def role(service: Service, verb: str, who: str, name: str, *options: str) -> str:
    line: str = run(service, "roles", verb, who, name, "--resource", BILLING, *options)[0]["status"]
    return line


def listed(service: Service, *options: str) -> list[tuple[str, str, str]]:
    return [(line["id"], line["resource"], line["role"]) for line in run(service, "roles", "list", *options)]


def test_a_declared_role_is_given_to_an_account_and_to_a_service_and_taken_again(service: Service) -> None:
    with_api(service)
    ann, robot = sign_up(service, EMAIL).account_id, register(service).client_id
    assert [role(service, "grant", EMAIL, "accountant") for _ in range(2)] == ["granted", "unchanged"]
    assert role(service, "grant", robot, "auditor") == "granted"
    assert listed(service) == [(robot, BILLING, "auditor"), (ann, BILLING, "accountant")]
    assert listed(service, "--user", EMAIL) == [(ann, BILLING, "accountant")]
    assert listed(service, "--user", robot) == [(robot, BILLING, "auditor")]
    assert listed(service, "--resource", API) == []
    assert [role(service, "revoke", EMAIL, "accountant") for _ in range(2)] == ["revoked", "unchanged"]
    assert role(service, "revoke", robot, "auditor") == "revoked"
    assert listed(service) == []
    trail = service.rows("SELECT event, account_id, client_id FROM audit_events WHERE event LIKE 'role%' ORDER BY id")
    assert trail == [
        ("role_granted", ann, None), ("role_granted", None, robot), ("role_revoked", ann, None),
        ("role_revoked", None, robot),
    ]  # fmt: skip


def test_a_role_that_nobody_declared_is_refused_and_the_declared_ones_are_named(sqlite_service: Service) -> None:
    service = with_api(sqlite_service)
    frontend = register(service, grant_types=["authorization_code"], redirect_uris=["https://app.example.com/"])
    sign_up(service, EMAIL)

    def refused(who: str, name: str, resource: str) -> str:
        return refusal(service, "roles", "grant", who, name, "--resource", resource)

    assert refused(EMAIL, "boss", BILLING) == (
        f"{BILLING} declares no role 'boss': it declares accountant, auditor (resources update)"
    )
    assert refused(EMAIL, "boss", API) == f"{API} declares no role 'boss': it declares none (resources update)"
    assert refused(EMAIL, "auditor", f"{BILLING}/") == f"there is no API '{BILLING}/'"
    assert refused("nobody@example.com", "auditor", BILLING) == "there is no account 'nobody@example.com'"
    assert refused(frontend.client_id, "auditor", BILLING).startswith(f"{frontend.client_id}: only a client with the")
    assert refused("web", "auditor", BILLING).startswith("web: only a client with the grant type client_credentials")
    assert service.rows("SELECT role FROM account_roles") == []


def test_roles_go_with_the_role_the_api_the_account_and_the_client(service: Service) -> None:
    """Nothing that is registered later under the same name inherits one."""
    with_api(service)
    sign_up(service, EMAIL)
    robot, other = register(service).client_id, register(service).client_id
    for who in (EMAIL, robot, other):
        role(service, "grant", who, "accountant")
        role(service, "grant", who, "auditor")
    fewer = {**MEMBERS, "roles": {"auditor": "Reads only"}}
    assert refusal(service, "resources", "update", BILLING, stdin=fewer) == (
        "role accountant would be removed: 1 accounts and 2 clients lose it; add --yes"
    )
    assert len(listed(service)) == 6
    run(service, "resources", "update", BILLING, "--yes", stdin=fewer)
    run(service, "resources", "update", BILLING, stdin=MEMBERS)
    assert {name for _, _, name in listed(service)} == {"auditor"}
    run(service, "users", "delete", EMAIL, "--yes")
    assert {who for who, _, _ in listed(service)} == {robot, other}
    run(service, "clients", "delete", other, "--yes")
    assert listed(service) == [(robot, BILLING, "auditor")]
    run(service, "resources", "delete", BILLING, "--yes")
    with_api(service)
    assert listed(service) == []


def test_one_holder_has_so_few_roles_that_a_token_stays_small(sqlite_service: Service) -> None:
    names = [f"{'r' * 61}{number:02}" for number in range(50)]
    service = with_api(sqlite_service, roles=dict.fromkeys(names, "A role"))
    ann, robot = sign_up(service, EMAIL).account_id, register(service).client_id
    fit = (bounds.MAX_OCTETS - 1) // (len(names[0]) + 3)
    held = ", ".join(f"('{ann}', '{BILLING}', '{name}', '2026-01-01 00:00')" for name in names[: fit - 1])
    service.execute(f"INSERT INTO account_roles VALUES {held}")
    service.execute(
        f"UPDATE clients SET roles = '{json.dumps({BILLING: names[: fit - 1]})}' WHERE client_id = '{robot}'"
    )
    service.forget()
    for who in (EMAIL, robot):
        for name in names[fit - 1 : fit]:
            role(service, "grant", who, name)
        assert refusal(service, "roles", "grant", who, names[fit], "--resource", BILLING) == (
            f"{who} has too many roles at {BILLING}: a token names at most 50 of them, in at most 1500 octets"
        )
    bounds.check([f"{number:02}" for number in range(50)])
    with pytest.raises(bounds.TooMany):
        bounds.check([f"{number:02}" for number in range(51)])


def test_accounts_join_and_leave_groups(service: Service) -> None:
    ann = sign_up(service, EMAIL).account_id
    assert run(service, "groups", "create", "staff", "--description", "Who works here")[0]["status"] == "created"
    assert run(service, "groups", "create", "staff", "--description", "Who works here")[0]["status"] == "unchanged"
    assert [run(service, "groups", "grant", EMAIL, "staff")[0]["status"] for _ in range(2)] == ["granted", "unchanged"]
    assert run(service, "groups", "list") == [{"group": "staff", "description": "Who works here", "members": 1}]
    (member,) = run(service, "groups", "members", "staff")
    assert (member["account_id"], member["group"]) == (ann, "staff")
    assert run(service, "groups", "list", "--user", EMAIL) == [member]
    assert [run(service, "groups", "revoke", EMAIL, "staff")[0]["status"] for _ in range(2)] == ["revoked", "unchanged"]
    run(service, "groups", "grant", ann, "staff")
    assert "add --yes" in refusal(service, "groups", "delete", "staff")
    assert run(service, "groups", "delete", "staff", "--yes")[0]["members"] == 1
    run(service, "groups", "create", "staff")
    assert run(service, "groups", "members", "staff") == []
    trail = service.rows("SELECT event FROM audit_events WHERE event LIKE 'group%' ORDER BY id")
    assert [event.removeprefix("group_") for (event,) in trail] == [
        "created", "granted", "revoked", "granted", "deleted", "created",
    ]  # fmt: skip


def test_a_group_that_is_none_is_refused(sqlite_service: Service) -> None:
    service = sqlite_service
    sign_up(service, EMAIL)
    run(service, "groups", "create", "staff")
    assert refusal(service, "groups", "grant", EMAIL, "stuff") == "there is no group 'stuff' (groups create)"
    assert refusal(service, "groups", "delete", "stuff", "--yes") == "there is no group 'stuff' (groups create)"
    assert refusal(service, "groups", "members", "stuff") == "there is no group 'stuff' (groups create)"
    assert refusal(service, "groups", "grant", "eve@example.com", "staff") == "there is no account 'eve@example.com'"
    for name in ("", "a,admin", "a b", "ümlaut", ".hidden", "x" * 65, "a\nb"):
        assert refusal(service, "groups", "create", "--", name).startswith("a group's name has 1 to 64 letters"), name
    assert refusal(service, "groups", "create", "g", "--description", "x" * 201).startswith("a group's description has")
    assert [line["group"] for line in run(service, "groups", "list")] == ["staff"]


def test_an_account_is_in_so_few_groups_that_a_token_stays_small(sqlite_service: Service) -> None:
    service = sqlite_service
    ann, now = sign_up(service, EMAIL).account_id, "'2026-01-01 00:00'"
    names = [f"group-{number:02}" for number in range(51)]
    made = ", ".join(f"('{name}', '', {now}, {now})" for name in names)
    service.execute(f"INSERT INTO groups VALUES {made}")
    joined = ", ".join(f"('{ann}', '{name}', {now})" for name in names[:49])
    service.execute(f"INSERT INTO group_members VALUES {joined}")
    assert run(service, "groups", "grant", EMAIL, names[49])[0]["status"] == "granted"
    assert refusal(service, "groups", "grant", EMAIL, names[50]) == (
        f"{EMAIL} is in too many groups: a token names at most 50 of them, in at most 1500 octets"
    )
