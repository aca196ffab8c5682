"""People end their access while a process is killed; then the lost acknowledgements are counted.

In one round each person acts at a random moment. When a random number of them has an answer, a process gets SIGKILL and
is started again.

An acknowledged action must have happened. One without an acknowledgement may have happened or not, but not in part.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from random import Random

import httpx2
import jwt

from e2e_fixtures.killable import READY_SECONDS, System
from e2e_fixtures.people import PASSWORD, bearer, credentials
from e2e_fixtures.waiting import wait_until

TODOS = "/api/v1/todos"
EACH_ROUND = ("sign-out",) * 5 + ("suspension",) * 2 + ("deletion",) * 4
LONGEST_DELAY = 1.5  # seconds until a person acts; a command takes about one more to start
EVENTS = {"sign-out": 1, "suspension": 2, "deletion": 2}  # events: session-revoked, and the account's change
# The action has happened if the query returns no rows.
STANDS = {
    "sign-out": "SELECT 1 FROM browser_sessions WHERE account_id = '{0}'",
    "suspension": "SELECT 1 FROM accounts WHERE id = '{0}' AND suspended_at IS NULL",
    "deletion": "SELECT 1 FROM accounts WHERE id = '{0}'",
}


@dataclass
class Person:
    """A person with an account, a session, a token and a todo, and the action they are about to take."""

    kind: str
    id: str
    browser: httpx2.Client
    api: httpx2.Client
    expires_at: float
    is_acknowledged: bool = False
    has_happened: bool = False

    def status(self) -> int:
        """The API's status for the token; 503 while the API is down."""
        try:
            return self.api.get(TODOS).status_code
        except httpx2.TransportError:
            return 503

    def has_status(self, status: int) -> bool:
        return self.status() == status


@dataclass
class Ledger:
    """The acknowledged actions, and the lost ones."""

    seed: int
    victims: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    rotations: int = 0
    lost: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        acknowledged = Counter(person.kind for person in self.people if person.is_acknowledged)
        either = sum(person.has_happened and not person.is_acknowledged for person in self.people)
        kinds = ", ".join(f"{acknowledged[kind]} x {kind}" for kind in EVENTS)
        return (
            f"{len(self.victims)} kills (seed {self.seed}); acknowledged: {kinds}, {self.rotations} x rotation; "
            f"{either} more had happened without an acknowledgement; lost: {len(self.lost)}"
        )


def kill(system: System, victim: str, random: Random) -> None:
    """Kill the process and start it again. After the loss of a backend, PostgreSQL restarts itself."""
    if victim == "a backend of PostgreSQL":
        system.postgres.kill_backend(random)
    elif victim == "PostgreSQL":
        system.postgres.kill()
        system.postgres.start()
    else:
        system.processes[victim].kill()
        system.processes[victim].start()
    if victim == "worker":  # so that the next worker need not wait one to three minutes for the leases to expire
        system.postgres.execute("auth", "DELETE FROM leases")


def play(system: System, victim: str, ledger: Ledger, random: Random) -> None:
    """Play one round and add its losses to the ledger."""
    with ThreadPoolExecutor(len(EACH_ROUND) + 1) as pool:
        people = list(pool.map(lambda kind: arrive(system, kind), EACH_ROUND))
        purpose = random.choice(("tokens", "status lists"))
        rotating = pool.submit(rotate, system, purpose)
        acting = [pool.submit(act, system, person, random.uniform(0, LONGEST_DELAY)) for person in people]
        answered = random.randint(1, len(acting) + 1)
        wait_until(lambda: rotating.done() + sum(each.done() for each in acting) >= answered, READY_SECONDS)
        kill(system, victim, random)
    for each in acting:
        each.result()
    system.wait_until_ready()
    ledger.victims.append(victim)
    ledger.people += people
    ledger.rotations += rotating.result() is not None
    check_access(system, victim, people, ledger)
    check_keys(system, victim, purpose, rotating.result(), ledger)


def arrive(system: System, kind: str) -> Person:
    """Sign up a person with a token and a todo.

    The first requests after a database restart get 503, and a token of a new key is refused until the API has fetched
    the key; both are retried.
    """
    browser = system.client("auth-service", headers={"Origin": system.issuer})
    wait_until(lambda: sign_up(browser).status_code == 200, READY_SECONDS)
    token = browser.get("/api/auth/token").json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    api = system.client("todo-service", headers=bearer(token))
    wait_until(lambda: api.post(TODOS, json={"title": "Mine"}).status_code == 201, READY_SECONDS)
    return Person(kind, claims["sub"], browser, api, claims["exp"])


def sign_up(browser: httpx2.Client) -> httpx2.Response:
    return browser.post("/api/auth/sign-up/email", json={"name": "Ann", **credentials()})


def act(system: System, person: Person, delay: float) -> None:
    """Take the person's action; a 200 or the command's exit code 0 acknowledges it."""
    if person.kind == "suspension":
        person.is_acknowledged = system.command("users", "suspend", person.id, "--yes").returncode == 0
        return
    time.sleep(delay)
    path, body = {
        "sign-out": ("/api/auth/sign-out", {}),
        "deletion": ("/api/auth/delete-user", {"password": PASSWORD}),
    }[person.kind]
    with suppress(httpx2.TransportError):
        person.is_acknowledged = person.browser.post(path, json=body).status_code == 200


def rotate(system: System, purpose: str) -> str | None:
    """Rotate the key; return the new active key's id if the command acknowledged it."""
    of = ["--status-lists"] if purpose == "status lists" else []
    done = system.command("keys", "rotate", "--now", "--json", *of)
    return str(json.loads(done.stdout)["active"]) if done.returncode == 0 else None


def check_access(system: System, victim: str, people: Sequence[Person], ledger: Ledger) -> None:
    """For each person, account and token must agree with each other and with the acknowledgement."""
    for person in people:
        person.has_happened = not system.postgres.rows("auth", STANDS[person.kind].format(person.id))
        if person.is_acknowledged and not person.has_happened:
            ledger.lost.append(f"{victim}: {person.kind}")
        expected = 401 if person.has_happened else 200
        if not becomes(partial(person.has_status, expected)):
            ledger.lost.append(f"{victim}: {person.kind}, the token's status is not {expected} but {person.status()}")
        assert time.time() < person.expires_at, "the token has expired, so its status proves nothing"


def check_keys(system: System, victim: str, purpose: str, rotated_to: str | None, ledger: Ledger) -> None:
    listed = [json.loads(line) for line in system.command("keys", "list", "--json").stdout.splitlines()]
    for each in ("tokens", "status lists"):
        kids = {
            state: [key["kid"] for key in listed if (key["purpose"], key["state"]) == (each, state)]
            for state in ("active", "next")
        }
        if {state: len(found) for state, found in kids.items()} != {"active": 1, "next": 1}:
            ledger.lost.append(f"{victim}: there is not one active key for {each}, and one spare: {kids}")
        if each == purpose and rotated_to is not None and kids["active"] != [rotated_to]:
            ledger.lost.append(f"{victim}: the key for {each} that was acknowledged as active is not active")


def becomes(condition: Callable[[], bool]) -> bool:
    """Whether the condition becomes true; a poll or a fetch of the keys may come first."""
    try:
        wait_until(condition, READY_SECONDS)
    except AssertionError:
        return False
    return True


def check_events(system: System, ledger: Ledger) -> None:
    """Once every event is delivered, the number received must be the number that happened: none lost, none doubled.

    Deleted accounts have no todos left; all others still have theirs.
    """
    undelivered = "SELECT (SELECT count(*) FROM account_events) + (SELECT count(*) FROM event_deliveries)"
    if not becomes(lambda: system.postgres.rows("auth", undelivered) == [(0,)]):
        ledger.lost.append("some events were not delivered")
    happened = sum(EVENTS[person.kind] for person in ledger.people if person.has_happened)
    [(received,)] = system.postgres.rows("todo", "SELECT count(*) FROM received_events")
    if received != happened:
        ledger.lost.append(f"{happened} events happened, {received} were received")
    owners = {owner for (owner,) in system.postgres.rows("todo", "SELECT DISTINCT owner FROM todos")}
    for person in ledger.people:
        if (person.id in owners) == (person.kind == "deletion" and person.has_happened):
            ledger.lost.append(f"{person.kind}: the todos of {person.id}")
