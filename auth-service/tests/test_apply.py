"""`apply`: configuration files, the difference that they make, and what they may not do."""

import json
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auth_service.accounts.upstreams.providers import seal_of
from auth_service.commands.configuration import applied, wanted
from auth_service.commands.configuration.documents import MAX_DEPTH, InvalidConfiguration, Part, read_documents
from auth_service.commands.configuration.plan import Plan
from auth_service.commands.configuration.wanted import read_wanted
from auth_service.oauth import client_metadata
from auth_service.oauth.resources import Resource
from auth_service.store.database import Database

from .code_flow import sign_up
from .conftest import ISSUER, Service, Start
from .oauth_client import OAuthClient, claims_of
from .registry import API, TODOS, WEB
from .status_scene import is_revoked
from .test_roles import run

NO_KEYS = {1: "of no provider"}
BILLING = "https://api.example.com/billing"
REPORT = "client_00000000000000000000000000report"
BOARD = "client_000000000000000000000000000board"
assert len(REPORT) == len(BOARD) == len("client_") + 32
FILE = f"""\
configuration: billing
apis:
  - resource: {BILLING}
    name: Billing
    scopes:
      billing:read: See your invoices
      billing:pay: Pay them
    roles: {{accountant: Sees everybody's invoices}}
groups:
  - name: staff
    description: Who works here
---
configuration: billing
clients:
  - client_id: {REPORT}
    client_name: Nightly report
    grant_types: [client_credentials]
    scope: billing:read
    default_resource: {BILLING}
    secret_file: report.secret
    roles:
      {BILLING}: [accountant]
  - client_id: {BOARD}
    client_name: Board
    token_endpoint_auth_method: none
    redirect_uris: ["https://board.example.com/callback"]
"""


def apply(service: Service, *arguments: object, refused: bool = False) -> list[str]:
    """The lines of the command; with `refused` those of its refusal."""
    done = service.command("apply", *map(str, arguments))
    service.forget()
    assert done.returncode == (1 if refused else 0), done.stdout + done.stderr
    return (done.stderr if refused else done.stdout).splitlines()


def written(folder: Path, text: str = FILE, name: str = "auth.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def stored(service: Service) -> list[tuple[Any, ...]]:
    queries = (
        "SELECT resource, name, roles, updated_at FROM resources ORDER BY resource",
        "SELECT client_id, registered, secret_hash, roles FROM clients ORDER BY client_id",
        "SELECT name, description FROM groups ORDER BY name",
        "SELECT kind, name, configuration FROM configured_objects ORDER BY kind, name",
    )
    return [row for query in queries for row in service.rows(query)]


def test_a_file_makes_an_api_a_group_and_clients_and_again_nothing(service: Service, tmp_path: Path) -> None:
    file = written(tmp_path)
    before = stored(service)
    planned = apply(service, file, "--plan")
    assert stored(service) == before
    assert not (tmp_path / "report.secret").exists()
    assert apply(service, file) == planned
    assert planned[0] == f"+ API {BILLING}"
    assert '    scopes.billing:read: "See your invoices"' in planned
    assert f"    secret: a new one, written to {tmp_path}/report.secret" in planned
    assert f'    roles.{BILLING}: ["accountant"]' in planned
    assert planned[-1] == "4 new, 0 changed, 0 deleted."
    secret = tmp_path / "report.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    robot = OAuthClient(service, REPORT, secret.read_text().strip())
    claims = claims_of(robot.token().json()["access_token"])
    assert (claims["aud"], claims["scope"], claims["roles"]) == (BILLING, "billing:read", ["accountant"])
    made = stored(service)
    assert apply(service, file) == ["Nothing to change."]
    assert apply(service, file, "--prune", "--plan") == ["Nothing to change."]
    assert stored(service) == made


def test_drift_is_shown_and_put_right(service: Service, tmp_path: Path) -> None:
    file = written(tmp_path)
    apply(service, file)
    board = run(service, "clients", "show", BOARD)[0]
    run(service, "clients", "update", BOARD, stdin={**board, "client_name": "Evil", "first_party": True})
    run(service, "roles", "revoke", REPORT, "accountant", "--resource", BILLING)
    expected = [
        f"~ client {REPORT}",
        f'    roles.{BILLING}: ["accountant"]',
        f"~ client {BOARD}",
        '    client_name: "Evil" -> "Board"',
        "    first_party: true -> false",
        "0 new, 2 changed, 0 deleted.",
    ]
    assert apply(service, file, "--plan") == expected
    told = service.command("apply", str(file), "--plan", "--exit-code", "--json")
    assert told.returncode == 3
    assert [json.loads(line) for line in told.stdout.splitlines()][1] == {
        "change": "changed", "kind": "client", "name": BOARD, "details": [line.strip() for line in expected[3:5]],
        "ends": "",
    }  # fmt: skip
    assert apply(service, file) == expected
    assert apply(service, file) == ["Nothing to change."]
    told = service.command("apply", str(file), "--plan", "--exit-code", "--json")
    assert (told.returncode, told.stdout) == (0, "")
    assert apply(service, file, "--exit-code", refused=True) == ["auth-service: --exit-code: only with --plan"]


def test_nothing_is_deleted_without_prune_and_a_count(service: Service, tmp_path: Path) -> None:
    apply(service, written(tmp_path))
    sign_up(service, "ann@example.com")
    run(service, "groups", "grant", "ann@example.com", "staff")
    run(service, "groups", "create", "by-command")
    fewer = FILE.partition("groups:")[0].replace("      billing:pay: Pay them\n", "")
    lines = apply(service, written(tmp_path, fewer), "--plan")
    assert f"? client {REPORT} is in no file any more; --prune deletes it" in lines
    assert "    1 accounts leave it" in lines
    nothing = str(written(tmp_path, "configuration: billing\n"))
    told = service.command("apply", nothing, "--plan", "--exit-code", "--json")
    assert (told.returncode, json.loads(told.stdout.splitlines()[0])["change"]) == (3, "left")
    assert "    ends: billing:pay would be removed: 0 consents, 0 grants and 0 clients lose it" in lines
    before = stored(service)
    assert apply(service, written(tmp_path, fewer), refused=True) == [
        f"auth-service: nothing was changed: API {BILLING}: billing:pay would be removed: 0 consents, 0 grants and 0 "
        "clients lose it; add --prune"
    ]
    assert "add --yes" in apply(service, written(tmp_path, fewer), "--prune", refused=True)[0]
    assert stored(service) == before
    lines = apply(service, written(tmp_path, fewer), "--prune", "--yes")
    assert [line for line in lines if line.startswith("- ")] == [
        f"- client {BOARD}", f"- client {REPORT}", "- group staff",
    ]  # fmt: skip
    assert run(service, "groups", "list")[0]["group"] == "by-command"
    assert apply(service, written(tmp_path, fewer), "--prune") == ["Nothing to change."]
    apply(service, written(tmp_path, "configuration: billing\n"), "--prune", "--yes")
    assert [line["resource"] for line in run(service, "resources", "list")] == [API]
    trail = {event for (event,) in service.rows("SELECT event FROM audit_events")}
    assert {"configuration_applied", "client_deleted", "group_deleted", "resource_removed"} <= trail


def test_what_commands_made_is_taken_over_and_another_configurations_is_not(service: Service, tmp_path: Path) -> None:
    todos = {**TODOS, "scopes": dict(TODOS["scopes"])}
    text = json.dumps({"configuration": "deployment", "apis": [todos], "clients": [{"client_id": "web", **WEB}]})
    file = written(tmp_path, text, "deployment.json")
    lines = apply(service, file)
    assert lines[:2] == [f"~ API {API}", "    taken over by the configuration 'deployment'"]
    assert apply(service, file) == ["Nothing to change."]
    other = written(tmp_path, json.dumps({"configuration": "evil", "apis": [{**todos, "name": "Mine"}]}, indent="\t"))
    assert apply(service, other, refused=True) == [
        f"auth-service: {other}:4: API {API}: belongs to the configuration 'deployment'"
    ]
    assert apply(service, written(tmp_path, "configuration: evil\n"), "--prune") == ["Nothing to change."]


def test_a_secret_that_was_revoked_never_comes_back(service: Service, tmp_path: Path) -> None:
    file, secret = written(tmp_path), tmp_path / "report.secret"
    apply(service, file)
    first, second, third = secret.read_text(), secrets.token_hex(32), secrets.token_hex(32)
    run(service, "clients", "rotate-secret", REPORT, "--revoke", "--yes")
    before = stored(service)
    (line,) = apply(service, file, refused=True)
    assert line.startswith(f"auth-service: {file}:20: secret_file: the secret in {secret} was replaced or revoked on ")
    assert stored(service) == before
    secret.write_text(second)
    assert apply(service, file)[1] == f"    secret: another one in {secret}"
    assert OAuthClient(service, REPORT, second).token().status_code == 200
    secret.write_text(third)
    assert OAuthClient(service, REPORT, first.strip()).token().status_code == 401
    apply(service, file)
    secret.write_text(second)
    assert "was replaced or revoked" in apply(service, file, refused=True)[0]
    secret.unlink()
    assert apply(service, file) == ["Nothing to change."], "the client has a secret; its file was handed over"
    assert not secret.exists()


def test_one_fault_stores_nothing(service: Service, tmp_path: Path) -> None:
    before = stored(service)
    text = FILE.replace("scope: billing:read", "scope: billing:write")
    (line,) = apply(service, written(tmp_path, text), refused=True)
    assert line.startswith(f"auth-service: {tmp_path}/auth.yaml:18: scope: supported are openid")
    text = FILE.replace("report.secret", "no/such/folder.secret")
    (line,) = apply(service, written(tmp_path, text), refused=True)
    assert "secret_file: " in line
    assert stored(service) == before


def change(old: str, new: str) -> str:
    assert old in FILE
    return FILE.replace(old, new, 1)


REFUSED: dict[str, tuple[str, str]] = {
    "an unknown member of an API": (change("    name:", "    nmae:"), "4: nmae: is no member of an API"),
    "an unknown member of a client": (change("secret_file:", "secret:"), "20: secret: is no member of a client"),
    "a secret in the file": (
        change("secret_file: report.secret", "client_secret: s3cret"),
        "20: client_secret: is no member of a client",
    ),
    "an unknown member at the top": (change("groups:", "grops:"), "9: grops: is no member of a configuration"),
    "a duplicate member": (change("    name: Billing", "    name: A\n    name: B"), "5: name: occurs twice"),
    "an API without a name": (
        change("    name: Billing\n", ""),
        "3: name: 1 to 100 printable characters are required.",
    ),
    "a ttl": (change("    name: Billing", "    name: B\n    access_token_ttl: 5"), "5: access_token_ttl: an ISO 8601"),
    "no word for no": (change("name: Billing", "name: no"), "4: name: 1 to 100 printable characters are required."),
    "a group's name": (change("name: staff", "name: a,b"), "10: a group's name has 1 to 64 letters"),
    "a short client_id": (
        change(REPORT, "report"),
        "15: client_id: client_ and 32 letters or digits, as in client_0000000000000000000nightlyreport",
    ),
    "no client_id": (change(f"client_id: {REPORT}\n    ", ""), "15: client_id: is required"),
    "one client twice": (change(BOARD, REPORT), "23: client_id: this one stands twice in the files"),
    "no secret file": (change("    secret_file: report.secret\n", ""), "15: secret_file: is required"),
    "a role nobody declared": (change("[accountant]", "[boss]"), "22: roles: https://api.example.com/billing declares"),
    "a role of a frontend": (FILE + f"    roles: {{'{BILLING}': [accountant]}}\n", "27: roles: only a client with the"),
    "a role at no API": (change(f"      {BILLING}: [", "      https://no.example: ["), "22: roles: there is no API"),
    "an alias": (change("name: Billing", "name: &a Billing"), "4: anchors and aliases are not supported"),
    "a tag": (change("name: Billing", "name: !!python/name:os.system x"), "4: only text, true, false, whole numbers"),
    "a date": (change("name: Billing", "name: 2026-01-01"), "4: only text, true, false, whole numbers"),
    "a placeholder": (change("name: Billing", "name: ${PATH}"), "4: ${PATH}: has no value (--set); known are ISSUER"),
    "no YAML": (change("apis:", "apis: ["), "3: neither YAML nor JSON"),
    "a list at the top": ("- apis\n", "1: a configuration is an object with members"),
    "another configuration": (
        FILE.replace("---\nconfiguration: billing", "---\nconfiguration: b"),
        "13: configuration: another document has another name",
    ),
    "a protection that is not given": (
        change("    client_name: Board", "    client_name: Board\n    subject_type: pairwise"),
        "25: subject_type: is no member of a client",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_named_with_its_line(sqlite_service: Service, tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    lines = apply(sqlite_service, file, refused=True)
    assert len(lines) == 1
    assert lines[0].startswith(f"auth-service: {file}:{message}"), lines


def documents(text: str | bytes, **placeholders: str) -> Sequence[Part]:
    return read_documents(text if isinstance(text, bytes) else text.encode(), "f", placeholders)


def test_json_is_read_as_it_is() -> None:
    text = '{\n\t"a": ["\\ud83d\\ude00", true, null, -5, "${X}"],\n\t"b": {}\n}'
    (part,) = documents(text, X="x")
    assert part.value == {"a": ["\U0001f600", True, None, -5, "x"], "b": {}}
    with pytest.raises(InvalidConfiguration, match=r"^f:3: about b$"):
        part.refuse("about b", "b")


def test_work_is_bounded_before_it_is_done() -> None:
    for text, message in {
        "[" * 100_000: f"more than {MAX_DEPTH} levels",
        "- x\n" * 30_000: "more than 20 levels or 20000 values",
        "x" * 300_000: "the file has more than 262144 octets",
        "a: &a [x]\nb: [*a, *a]": "anchors and aliases are not supported",
        '"\\ud83d"': "half a surrogate pair is no text",
        "a: .nan": "only text, true, false, whole numbers",
        f"a: {'9' * 5000}": "only text, true, false, whole numbers",
        "? [a]\n: b": "a member's name must be text",
        "a: \x00": "a character is not allowed",
    }.items():
        with pytest.raises(InvalidConfiguration, match=message.replace("(", r"\(")):
            documents(text)
    with pytest.raises(InvalidConfiguration, match="not UTF-8"):
        documents(b"\xff\xfea")


def test_the_published_schema_has_the_members_that_the_code_knows() -> None:
    schema = json.loads((Path(__file__).parents[1] / "configuration.schema.json").read_text(encoding="utf-8"))
    known = {
        "": set(wanted.TOP),
        "api": set(Resource.__dataclass_fields__),
        "group": set(wanted.OF_GROUP),
        "client": {*client_metadata.NAMES, "client_id", "secret_file", "roles"},
        "upstream": set(wanted.OF_UPSTREAM),
    }
    for name, members in known.items():
        part = schema if name == "" else schema["$defs"][name]
        assert part["properties"].keys() == members, name
        assert part["additionalProperties"] is False


def test_placeholders_are_the_issuer_and_what_is_set(sqlite_service: Service, tmp_path: Path) -> None:
    text = 'groups: [{name: a, description: "${ISSUER} ${Where}"}]'
    lines = apply(sqlite_service, written(tmp_path, text), "--set", "Where=here", "--plan")
    assert lines[1] == f'    description: "{ISSUER} here"'
    assert apply(sqlite_service, written(tmp_path), "--set", "x", refused=True) == [
        "auth-service: --set: NAME=VALUE is required"
    ]


def test_another_signing_algorithm_waits_for_its_key(sqlite_service: Service, tmp_path: Path) -> None:
    apply(sqlite_service, written(tmp_path))
    text = change("    name: Billing", "    name: Billing\n    access_token_signing_alg: ES256")
    assert '    access_token_signing_alg: "RS256" -> "ES256"' in apply(sqlite_service, written(tmp_path, text))
    assert sqlite_service.rows("SELECT count(*) FROM signing_keys WHERE purpose LIKE '%ES256%'") != [(0,)]


def test_with_now_an_algorithm_does_not_wait_and_a_services_roles_end_its_tokens(
    sqlite_service: Service, tmp_path: Path
) -> None:
    file = written(tmp_path)
    apply(sqlite_service, file)
    robot = OAuthClient(sqlite_service, REPORT, (tmp_path / "report.secret").read_text().strip())
    token = robot.token().json()["access_token"]
    text = change("    name: Billing", "    name: Billing\n    access_token_signing_alg: ES256")
    apply(sqlite_service, written(tmp_path, text))
    run(sqlite_service, "keys", "rotate", "--alg", "ES256", "--now")
    apply(sqlite_service, written(tmp_path))
    (line,) = apply(sqlite_service, written(tmp_path, text), refused=True)
    assert line.endswith("or add --now")
    assert apply(sqlite_service, written(tmp_path, text), "--now")[-1] == "0 new, 1 changed, 0 deleted."
    assert not is_revoked(sqlite_service, token), "its roles are what they were"
    text = text.replace("[accountant]", "[]")
    assert "    access tokens: all that it has are revoked" in apply(sqlite_service, written(tmp_path, text), "--now")
    assert is_revoked(sqlite_service, token)


def test_the_first_key_for_a_clients_id_tokens_is_made(start: Start, sqlite_url: str, tmp_path: Path) -> None:
    service = start(sqlite_url)
    text = change("    client_name: Board", "    client_name: Board\n    id_token_signed_response_alg: PS256")
    done = service.command("apply", str(written(tmp_path, text)), "--yes")
    assert done.returncode == 0, done.stderr
    assert f"RS256 signs ID tokens for {BOARD}, which it may refuse, for now" in done.stderr
    assert service.rows("SELECT state FROM signing_keys WHERE purpose = 'tokens PS256'") == [("next",)]


def test_more_than_was_shown_does_not_end(sqlite_service: Service, tmp_path: Path) -> None:
    """The plan that a person agrees to is made before the transaction; only its counts may differ."""
    apply(sqlite_service, written(tmp_path))
    fewer = read_wanted(documents("configuration: billing"), issuer=ISSUER)

    async def change(database: Database, expected: frozenset[tuple[str, ...]]) -> Plan:
        return await database.transact(
            applied.apply, ISSUER, fewer, grant_types=(), check_algorithm=keep, seal=seal_of(NO_KEYS),
            prune=True, expected=expected, now=sqlite_service.clock(),
        )  # fmt: skip

    before = stored(sqlite_service)
    ends: frozenset[tuple[str, ...]] = frozenset({("client", REPORT), ("client", BOARD), ("group", "staff")})
    with pytest.raises(applied.NotAsExpected, match=f"^client .*; API {BILLING}: "):
        sqlite_service.do(lambda database: change(database, ends))
    assert stored(sqlite_service) == before
    ends |= {("API", BILLING, "billing:pay", "billing:read")}
    assert len(sqlite_service.do(lambda database: change(database, ends)).changes) == 4


async def keep(*_: object) -> None:
    """No signing algorithm changes here."""
