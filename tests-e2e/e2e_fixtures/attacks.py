"""Attacks on both services that one account can make from one address while it keeps every limit.

A new variant is one small function with `@attack("what it does")`. It returns the request that each connection sends
over and over; `number` differs for each request. `./run.py bench neighbours WORD` runs those whose names have the word.

    @attack("list: 200 large todos")
    def large_page(number: int, eve: Account) -> Request:
        return Request("GET", "/api/v1/todos?limit=200")

Two accounts attack: `hoarder` has 10,000 todos of 10 KB, `scribe` has 100 of 10,000 characters (40 KB). The neighbour
uses the service that the attack is on: `on="auth"` for auth-service, otherwise the todo API.

The variants at the end were written by someone else than who mended what the first ones found.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

Whose = Literal["hoarder", "scribe"]
Service = Literal["auth", "todo"]
TODOS = "/api/v1/todos"


@dataclass(frozen=True)
class Account:
    """The attacking account: its access token, the ids of 100 of its todos, and the header fields of its browser."""

    token: str
    todos: Sequence[str]
    browser: Mapping[str, str]


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
    on: Service


ATTACKS: list[Attack] = []


def attack(name: str, whose: Whose = "scribe", on: Service = "todo") -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        ATTACKS.append(Attack(name, make, whose, on))
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


MARKS = "a" + "\u0315\u0300" * 60_000


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def as_json(method: str, path: str, body: bytes, **headers: str) -> Request:
    return Request(method, path, body, {"Content-Type": "application/json", **headers})


@attack("variant: notes of 120,000 combining marks by PATCH")
def marks_in_notes(number: int, eve: Account) -> Request:
    return send("PATCH", f"{TODOS}/{eve.todos[number % 100]}", {"notes": MARKS}, If_Match="*")


@attack("variant: search for 1,100 \u00df by due", "hoarder")
def search_that_folds(number: int, eve: Account) -> Request:
    return Request("GET", f"{TODOS}?q={quote(chr(0xDF) * 1_100)}&sort=due&limit=1")


@attack("variant: search for \u00df as long as q may be, by due", "hoarder")
def long_search_that_folds(number: int, eve: Account) -> Request:
    return Request("GET", f"{TODOS}?q={quote(chr(0xDF) * 200)}&sort=-due&limit=1")


@attack("variant: HEAD of a search", "hoarder")
def head_of_a_search(number: int, eve: Account) -> Request:
    return Request("HEAD", f"{TODOS}?q=zzzzzz&limit=200&sort=-priority")


@attack("variant: 60,000 nested arrays")
def nested_arrays(number: int, eve: Account) -> Request:
    return as_json("POST", TODOS, nested(60_000))


@attack("variant: 20,000 tags")
def many_tags(number: int, eve: Account) -> Request:
    return send("POST", TODOS, {"title": "x", "tags": [f"t{each}" for each in range(20_000)]})


@attack("variant: a name of combining marks at sign-up", on="auth")
def marks_in_a_name(number: int, eve: Account) -> Request:
    person = {"name": MARKS, "email": f"{number}@example.com", "password": "correct-horse-battery"}
    return send("POST", "/api/auth/sign-up/email", person)


@attack("variant: a new name of combining marks", on="auth")
def marks_in_a_new_name(number: int, eve: Account) -> Request:
    request = send("POST", "/api/auth/update-user", {"name": MARKS[:7_000]})
    return Request(request.method, request.path, request.body, {**request.headers, **eve.browser})


@attack("variant: 2,500 unknown members at update-user", on="auth")
def unknown_members_of_a_person(number: int, eve: Account) -> Request:
    request = send("POST", "/api/auth/update-user", {f"m{each}": 0 for each in range(2_500)})
    return Request(request.method, request.path, request.body, {**request.headers, **eve.browser})


@attack("variant: nested arrays at update-user", on="auth")
def nested_arrays_of_a_person(number: int, eve: Account) -> Request:
    return as_json("POST", "/api/auth/update-user", b'{"name":' + nested(8_000) + b"}", **eve.browser)


@attack("variant: nested arrays at /oauth/register", on="auth")
def nested_metadata(number: int, eve: Account) -> Request:
    return as_json("POST", "/oauth/register", b'{"jwks":' + nested(30_000) + b"}")


@attack("variant: nested claims at /oauth/authorize", on="auth")
def nested_claims(number: int, eve: Account) -> Request:
    claims = quote('{"id_token":' + nested(1_000).decode() + "}")
    return Request("GET", f"/oauth/authorize?client_id=web&response_type=code&claims={claims}", b"", eve.browser)


@attack("variant: a form of 100 parameters at /oauth/token", on="auth")
def many_parameters(number: int, eve: Account) -> Request:
    body = "&".join(f"p{each}={'%C3%9F' * 20}" for each in range(100))
    return Request("POST", "/oauth/token", body.encode(), {"Content-Type": "application/x-www-form-urlencoded"})
