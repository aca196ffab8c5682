"""What a neighbour sees while one account attacks: both through the gateway, from two addresses, with its limits."""

import http.client
import itertools
import json
import multiprocessing
import secrets
import sqlite3
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from statistics import quantiles
from typing import Any

import psycopg

from e2e_fixtures.attacks import TODOS, Account, Attack, Service
from e2e_fixtures.people import Person, bearer, sign_up
from e2e_fixtures.stack import Stack

ATTACKER, NEIGHBOUR, ELSEWHERE = "127.0.0.1", "127.0.0.2", "127.0.0.3"  # with limits of their own
PACE = 0.11  # seconds between two pairs of GET and POST: 18 requests a second, and the gateway allows 20
FACTOR, FLOOR_MS = 5, 25.0  # the promise: a neighbour's p95 is at most 5 times the idle one, or 25 ms if that is more
PATIENCE = 30  # seconds for one answer
RECOVERY = 120  # seconds after an attack until the next one begins anyway
_BACK_OFF = 0.25  # seconds after a 429
NEVER = "9999-12-31 23:59:59.999999"
_COLUMNS = "owner, id, title, notes, status, priority, due_at, position, version, created_at, updated_at, sequence"


_COUNTED = (
    "INSERT INTO owners (owner, sequence, todo_count) SELECT owner, max(sequence), count(*) FROM todos GROUP BY owner"
)


@dataclass
class Seen:
    """The durations in milliseconds and the errors of one neighbour."""

    get: list[float] = field(default_factory=list)
    post: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def p95(self) -> float:
        return max(_percentile(self.get, 95), _percentile(self.post, 95))

    def figures(self) -> list[float]:
        return [_percentile(each, percent) for each in (self.get, self.post) for percent in (50, 95)]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    store: str
    attack: str
    connections: int
    seen: Seen
    idle_p95: float
    answers: Counter[str]  # of the attacker, by status

    @property
    def allowed(self) -> float:
        return max(FACTOR * self.idle_p95, FLOOR_MS)

    @property
    def holds(self) -> bool:
        return not self.seen.errors and bool(self.seen.post) and self.seen.p95() <= self.allowed


def _percentile(values: Sequence[float], percent: int) -> float:
    return quantiles([*values, *values[:1]], n=100, method="inclusive")[percent - 1] if values else float("inf")


@dataclass(frozen=True)
class Town:
    """A running system with a neighbour, and the two accounts that attack."""

    stack: Stack
    neighbour: Person
    attackers: dict[str, Person]
    todos: dict[str, list[str]]  # the ids of 100 todos of each attacker

    @property
    def port(self) -> int:
        port: int = self.stack.running["ports"]["gateway"]
        return port

    def idle(self, seconds: float, service: Service) -> Seen:
        return watch(self.port, self.neighbour, seconds, service)

    def under(self, attack: Attack, connections: int, seconds: float) -> tuple[Seen, Counter[str]]:
        """What the neighbour sees, from half a second after the attack has begun."""
        person = self.attackers[attack.whose]
        eve = Account(person.token(), self.todos[attack.whose], _browser_fields(person))
        with attacking(self.port, attack, eve, connections) as answers:
            time.sleep(0.5)
            seen = watch(self.port, self.neighbour, seconds, attack.on)
        self._rest(attack.on)
        return seen, answers()

    def _rest(self, service: Service) -> None:
        """Wait until the system is idle again, so that an attack is not blamed for the one before."""
        deadline = time.monotonic() + RECOVERY
        while time.monotonic() < deadline and self.idle(0.3, service).p95() > FLOOR_MS * 2:
            time.sleep(0.2)


def _browser_fields(person: Person) -> dict[str, str]:
    """The header fields of the person's browser on a page of the issuer."""
    cookies = "; ".join(f"{each.name}={each.value}" for each in person.browser.cookies.jar)
    return {"Cookie": cookies, "Origin": person.stack.url}


def settle(stack: Stack, insert: Callable[[Sequence[tuple[Any, ...]]], None]) -> Town:
    """Sign up the neighbour and the attackers, and give the attackers their todos."""
    neighbour, hoarder, scribe = (sign_up(stack, source=ELSEWHERE) for _ in range(3))
    rows = {
        "hoarder": list(_rows(hoarder.id, 10_000, _prose)),
        "scribe": list(_rows(scribe.id, 100, lambda _: "\U0001f95b" * 10_000)),
    }
    insert([*rows["hoarder"], *rows["scribe"]])
    todos = {name: [str(row[1]) for row in own[-100:]] for name, own in rows.items()}
    town = Town(stack, neighbour, {"hoarder": hoarder, "scribe": scribe}, todos)
    for person in town.attackers.values():
        person.api().get(f"{TODOS}?q=zzzzzz", timeout=120)  # the first search may have to prepare the inserted rows
    return town


def _rows(owner: str, count: int, notes: Callable[[Random], str]) -> Iterator[tuple[Any, ...]]:
    random, now = Random(7), datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    for number in range(count):
        milliseconds = int(time.time() * 1000) - count + number
        id_ = uuid.UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | random.getrandbits(62))
        text = notes(random)
        yield (owner, id_, f"todo {number}", text, "open", 0, NEVER, f"{number:011}V", 1, now, now, number + 1)


def _prose(random: Random) -> str:
    return " ".join(random.choices(_WORDS, k=1_800))[:10_000]


_WORDS = ["".join(Random(number).choices("abcdefghiklmnoprstuvwy", k=2 + number % 7)) for number in range(5_000)]


def insert_into_sqlite(path: str, rows: Sequence[tuple[Any, ...]]) -> None:
    connection = sqlite3.connect(path, timeout=30)
    marks = ", ".join("?" * 12)
    plain = ((owner, id_.hex, *more) for owner, id_, *more in rows)
    with connection:
        connection.executemany(f"INSERT INTO todos ({_COLUMNS}) VALUES ({marks})", plain)
        connection.execute(_COUNTED)
    connection.close()


def insert_into_postgres(url: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert as a superuser, whom row-level security does not concern."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection, connection.cursor() as cursor:
        with cursor.copy(f"COPY todos ({_COLUMNS}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(_COUNTED.encode())
        cursor.execute("ANALYZE")


def watch(port: int, person: Person, seconds: float, service: Service) -> Seen:
    """Send a GET and a POST at a fixed pace, like an application that is in use."""
    read, write, member = {
        "todo": (f"{TODOS}?limit=20", TODOS, "title"),
        "auth": ("/api/auth/get-session", "/api/auth/update-user", "name"),
    }[service]
    credentials = bearer(person.token()) if service == "todo" else _browser_fields(person)
    seen, connection = Seen(), http.client.HTTPConnection("127.0.0.1", port, PATIENCE, (NEIGHBOUR, 0))
    headers = {**credentials, "Content-Type": "application/json"}
    begun = time.monotonic()
    for number in itertools.count():
        due = begun + number * PACE
        if max(due, time.monotonic()) > begun + seconds:
            break
        time.sleep(max(0.0, due - time.monotonic()))
        body = json.dumps({member: secrets.token_hex(8)})
        for durations, method, path, sent in (
            (seen.get, "GET", read, None),
            (seen.post, "POST", write, body),
        ):
            at = time.perf_counter()
            status = _exchange(connection, method, path, sent, headers)
            durations.append((time.perf_counter() - at) * 1000)
            if status not in ("200", "201"):
                seen.errors[f"{method} {status}"] += 1
    connection.close()
    return seen


@contextmanager
def attacking(port: int, attack: Attack, eve: Account, connections: int) -> Iterator[Callable[[], Counter[str]]]:
    """Attack from a process of its own until the block ends. Then the yielded function has the answers by status."""
    stop, results = multiprocessing.Event(), multiprocessing.Queue()  # type: ignore[var-annotated]  # of Counter[str]
    process = multiprocessing.Process(target=_attack, args=(port, attack, eve, connections, stop, results), daemon=True)
    process.start()
    answers: Counter[str] = Counter()
    try:
        yield lambda: answers
    finally:
        stop.set()
        answers += results.get(timeout=PATIENCE + 10)
        process.join(10)
        process.kill()


def _attack(port: int, attack: Attack, eve: Account, connections: int, stop: Any, results: Any) -> None:
    answers: Counter[str] = Counter()
    numbers = itertools.count(int(time.time()) * 1000)  # never twice, also in the next round

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, PATIENCE, (ATTACKER, 0))
        while not stop.is_set():
            request = attack.make(next(numbers), eve)
            headers = {**bearer(eve.token), **request.headers}
            status = _exchange(connection, request.method, request.path, request.body or None, headers, stop)
            answers[status] += 1
            if status == "429":
                stop.wait(_BACK_OFF)

    threads = [threading.Thread(target=run, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    stop.wait()
    deadline = time.monotonic() + 5
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    results.put(answers)


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: Any, headers: dict[str, str], stop: Any = None
) -> str:
    """The status of the answer, whose body is read to its end; or the name of the failure."""
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        while response.read(65_536):
            if stop is not None and stop.is_set():
                connection.close()
                break
        return str(response.status)
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__
