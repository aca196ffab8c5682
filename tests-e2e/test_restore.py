"""A restore drill: auth-service's database is set back under an API that keeps running, twice from one backup.

RESTORE_EACH=200 ./run.py test tests-e2e/test_restore.py -s      200 of each kind, some minutes; prints what was counted

Between the backup and the restore, people sign out and change passwords, accounts are suspended and deleted, secrets
are replaced and keys withdrawn. None of what was ended may work again, and no new token may be refused.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import jwt
import pytest

from e2e_fixtures.killable import READY_SECONDS, System, running_system
from e2e_fixtures.people import PASSWORD, bearer, credentials
from e2e_fixtures.waiting import wait_until

EACH = int(os.environ.get("RESTORE_EACH", "2"))
PEOPLE = ("sign-out", "suspension", "deletion", "password")
TODOS = "/api/v1/todos"
OTHER_PASSWORD = "incorrect-zebra-staple"
AT_ONCE = 4


@dataclass
class Person:
    email: str
    browser: httpx2.Client
    tokens: list[str] = field(default_factory=list)


@dataclass
class Robot:
    """A service with client_credentials."""

    client_id: str
    secret: str
    tokens: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("restored")) as running:
        yield running


def in_parallel(work: Any, over: Sequence[Any]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, over))


def arrive(system: System) -> Person:
    person = Person(credentials()["email"], system.client("auth-service", headers={"Origin": system.issuer}))
    body = {"name": "Ann", **credentials(person.email)}
    wait_until(lambda: person.browser.post("/api/auth/sign-up/email", json=body).status_code == 200, READY_SECONDS)
    person.tokens.append(person.browser.get("/api/auth/token").json()["token"])
    return person


def register(system: System) -> Robot:
    metadata = {
        "grant_types": ["client_credentials"],
        "scope": "todos:read",
        "default_resource": f"{system.issuer}/api/v1",
    }
    done = system.command("clients", "create", stdin=json.dumps(metadata))
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    robot = Robot(made["client_id"], made["client_secret"])
    robot.tokens.append(token_of(system, robot).json()["access_token"])
    return robot


def token_of(system: System, robot: Robot) -> httpx2.Response:
    form = {"grant_type": "client_credentials"}
    return system.client("auth-service").post("/oauth/token", data=form, auth=(robot.client_id, robot.secret))


class Api:
    """The statuses that the API gives for tokens."""

    def __init__(self, system: System) -> None:
        self._client = system.client("todo-service")

    def status(self, token: str) -> int:
        return self._client.get(TODOS, headers=bearer(token)).status_code

    def statuses(self, tokens: Sequence[str]) -> Counter[int]:
        return Counter(in_parallel(self.status, tokens))

    def lasting(self, token: str) -> int:
        """The status for a new token. 503 is retried: its list is being fetched."""
        wait_until(lambda: self.status(token) != 503, READY_SECONDS)
        return self.status(token)


def back_up(system: System) -> None:
    stop(system)
    copy(system, "auth", "backup")
    start(system)


def set_back(system: System) -> None:
    """Restore the backup by hand, as an operator who does not know backup.py."""
    stop(system)
    system.postgres.execute("postgres", "DROP DATABASE auth")
    copy(system, "backup", "auth")


def copy(system: System, source: str, target: str) -> None:
    system.postgres.execute("postgres", f"CREATE DATABASE {target} TEMPLATE {source}")


def stop(system: System) -> None:
    for name in ("auth-service", "worker"):
        system.processes[name].kill()
    system.postgres.execute("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'auth'")


def start(system: System) -> None:
    for name in ("auth-service", "worker"):
        system.processes[name].start()
    system.wait_until_ready()


def act(system: System, kind: str, person: Person) -> None:
    if kind == "suspension":
        assert system.command("users", "suspend", person.email, "--yes").returncode == 0
        return
    path, body = {
        "sign-out": ("/api/auth/sign-out", {}),
        "deletion": ("/api/auth/delete-user", {"password": PASSWORD}),
        "password": (
            "/api/auth/change-password",
            {"currentPassword": PASSWORD, "newPassword": OTHER_PASSWORD, "revokeOtherSessions": True},
        ),
    }[kind]
    answer = person.browser.post(path, json=body)
    assert answer.status_code == 200, answer.text


def replace_secret(system: System, robot: Robot) -> None:
    done = system.command("clients", "rotate-secret", robot.client_id, "--revoke", "--yes")
    assert done.returncode == 0, done.stderr


def is_signed_in(person: Person) -> bool:
    return person.browser.get("/api/auth/get-session").json() is not None


def kids(system: System) -> set[str]:
    keys = system.client("auth-service").get("/.well-known/jwks.json").json()["keys"]
    return {key["kid"] for key in keys}


def told_by(system: System) -> dict[str, dict[str, Any]]:
    done = system.command("restore", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_nothing_that_was_ended_works_again_and_nothing_new_is_refused(system: System) -> None:
    api = Api(system)
    people = {kind: in_parallel(lambda _: arrive(system), range(EACH)) for kind in PEOPLE}
    robots = in_parallel(lambda _: register(system), range(EACH))
    everyone = [person for each in people.values() for person in each]
    before = [token for each in (*everyone, *robots) for token in each.tokens]
    wait_until(lambda: api.statuses(before) == {200: len(before)}, READY_SECONDS)
    back_up(system)

    begun = datetime.now(UTC)
    later = in_parallel(lambda _: arrive(system), range(EACH))  # accounts that the backup lacks
    in_parallel(lambda each: act(system, *each), [(kind, person) for kind in PEOPLE for person in people[kind]])
    in_parallel(lambda robot: replace_secret(system, robot), robots)
    leaked = kids(system)
    assert system.command("keys", "rotate", "--emergency", "--yes").returncode == 0
    ended = datetime.now(UTC)
    before += [token for each in later for token in each.tokens]

    for round_ in range(2):
        set_back(system)
        told = told_by(system)
        start(system)
        new = check_restored(system, api, before, leaked | kids_of(before), told, everyone, later)
        check_windows(told, begun, ended, accounts=len(everyone))
        before += new
        print(f"\nround {round_}: {len(before)} old tokens refused, {len(new)} new ones accepted")


def kids_of(tokens: Sequence[str]) -> set[str]:
    return {jwt.get_unverified_header(token)["kid"] for token in tokens}


def check_restored(
    system: System,
    api: Api,
    before: Sequence[str],
    leaked: set[str],
    told: dict[str, dict[str, Any]],
    everyone: Sequence[Person],
    later: Sequence[Person],
) -> list[str]:
    """Check everything of before the restore, and return the tokens that were issued after it."""
    wait_until(lambda: verifier_knows(system, told["epoch"]["count"]), READY_SECONDS)
    new = [arrive(system) for _ in range(EACH)]
    tokens = [person.tokens[0] for person in new] + [
        token_of(system, register(system)).json()["access_token"] for _ in range(EACH)
    ]
    assert Counter(map(api.lasting, tokens)) == {200: len(tokens)}, "a new token is refused"
    assert api.statuses(before) == {401: len(before)}, "a token of before the restore is accepted"
    assert not any(map(is_signed_in, [*everyone, *later])), "a session of before the restore is alive"
    assert not leaked & kids(system), "a key of before the restore is published"
    assert all(f"/{told['epoch']['count']}-" in uri for uri in lists_of(system))
    return tokens


def verifier_knows(system: System, epoch: int) -> bool:
    """Whether the API reports a list of this epoch: it polls every ten seconds while the issuer is away."""
    done = system.command("keys", "verifiers", "--status-lists", "--json")
    return f"/{epoch}-" in done.stdout


def lists_of(system: System) -> list[str]:
    listed: list[str] = system.client("auth-service").get("/oauth/status-lists").json()["status_lists"]
    return listed


def check_windows(told: dict[str, dict[str, Any]], begun: datetime, ended: datetime, *, accounts: int) -> None:
    """Each kind of change that is lost is told with a time that holds all such changes."""
    windows = {what: line for what, line in told.items() if line["since"]}
    people, others = (
        {"accounts", "passwords", "suspensions", "second factors", "passkeys", "other sign-ins", "group members"},
        {"APIs", "roles", "upstream providers"},
    )
    kinds = people | others | {"clients", "client secrets"}
    assert windows.keys() == kinds
    assert (windows["accounts"]["count"], windows["suspensions"]["count"]) == (accounts, 0)
    for line in windows.values():
        assert datetime.fromisoformat(line["since"]) < begun
        assert ended < datetime.fromisoformat(line["until"])
