"""Attacks on the todo API that one account can make from one address while it keeps every limit.

A new variant is one small function with `@attack("what it does")`. It returns the request that each connection sends
over and over; `number` differs for each request. `./run.py bench neighbours WORD` runs those whose names have the word.

    @attack("list: 200 large todos")
    def large_page(number: int, eve: Account) -> Request:
        return Request("GET", "/api/v1/todos?limit=200")

Two accounts attack: `hoarder` has 10,000 todos of 10 KB, `scribe` has 100 of 10,000 characters (40 KB).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Whose = Literal["hoarder", "scribe"]
TODOS = "/api/v1/todos"


@dataclass(frozen=True)
class Account:
    """The attacking account: its access token, and the ids of 100 of its todos."""

    token: str
    todos: Sequence[str]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Make = Callable[[int, Account], Request]


@dataclass(frozen=True)
class Attack:
    name: str
    make: Make
    whose: Whose


ATTACKS: list[Attack] = []


def attack(name: str, whose: Whose = "scribe") -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        ATTACKS.append(Attack(name, make, whose))
        return make

    return add


def send(method: str, path: str, value: object, **headers: str) -> Request:
    """A request with a JSON body. Header names are written with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Request(method, path, body, {"Content-Type": "application/json", **named})


@attack("normalize: 130,000 combining marks")
def combining_marks(number: int, eve: Account) -> Request:
    return send("POST", TODOS, {"title": "a" + "\u0315\u0300" * 60_000})


@attack("search: 10,000 todos of 10 KB", "hoarder")
def search(number: int, eve: Account) -> Request:
    return Request("GET", f"{TODOS}?q=zzzzzz&limit=1")


@attack("batch: 100 changes")
def batch(number: int, eve: Account) -> Request:
    done = ("complete", "reopen")[number % 2]
    return send("POST", f"{TODOS}:batch", {"operations": [{"op": done, "id": each} for each in eve.todos]})


@attack("idempotency: answers of 4 MB")
def kept_answers(number: int, eve: Account) -> Request:
    operations = [{"op": ("complete", "reopen")[number % 2], "id": each} for each in eve.todos]
    return send("POST", f"{TODOS}:batch", {"operations": operations}, Idempotency_Key=f'"{eve.token[-8:]}{number}"')


@attack("members: 22,000 unknown ones")
def unknown_members(number: int, eve: Account) -> Request:
    return send("POST", TODOS, {f"m{each}": 0 for each in range(22_000)})


@attack("export: 100 MB", "hoarder")
def export(number: int, eve: Account) -> Request:
    return Request("GET", "/api/v1/export")


@attack("list: 200 todos of 40 KB")
def large_page(number: int, eve: Account) -> Request:
    return Request("GET", f"{TODOS}?limit=200")


@attack("changes: 500 todos of 10 KB", "hoarder")
def large_changes(number: int, eve: Account) -> Request:
    return Request("GET", "/api/v1/changes?limit=500")


@attack("filter: nothing found among 10,000", "hoarder")
def empty_filter(number: int, eve: Account) -> Request:
    return Request("GET", f"{TODOS}?status=done&priority=3&sort=-updated&limit=1")
