"""The todo API as Todo-Backend describes one (todobackend.com): a thin adapter, in the tests only.

| Todo-Backend | the API |
|---|---|
| the root, and the `url` of a todo | `/api/v1/todos`, `/api/v1/todos/{todo_id}` |
| `completed` | `status` |
| `order`, a number from 0 | `position`, a text: the number with leading zeros |
| no sign-in | a bearer token in each request |

Refusals keep their status and body.
"""

import json
import re
from typing import Any

import httpx2

from e2e_fixtures.people import bearer
from e2e_fixtures.stack import Stack

TODOS = "/api/v1/todos"
ROOT = "http://todo-backend.test"
PLACE = re.compile(r"(\d{20})n", re.ASCII)  # a position must not end in 0


class TodoBackend(httpx2.BaseTransport):
    def __init__(self, stack: Stack, token: str | None) -> None:
        self.api = stack.client(headers={} if token is None else bearer(token))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        query = {"sort": "position", "limit": "200"} if (request.method, request.url.path) == ("GET", "/") else None
        answer = self.api.request(
            request.method,
            TODOS + request.url.path.rstrip("/"),
            params=query,
            json=body and to_api(body),
        )
        if answer.is_error or not answer.content:
            return httpx2.Response(answer.status_code, content=answer.content)
        given = answer.json()
        todos = [from_api(todo) for todo in given["items"]] if query else from_api(given)
        return httpx2.Response(answer.status_code, json=todos)


def adapted(stack: Stack, token: str | None) -> httpx2.Client:
    """A client of the adapter. None: it sends no token."""
    return httpx2.Client(transport=TodoBackend(stack, token), base_url=ROOT)


def to_api(todo: dict[str, Any]) -> dict[str, Any]:
    asked = {name: value for name, value in todo.items() if name not in ("completed", "order")}
    if "completed" in todo:
        asked["status"] = "done" if todo["completed"] else "open"
    if "order" in todo:
        asked["position"] = f"{todo['order']:020}n"
    return asked


def from_api(todo: dict[str, Any]) -> dict[str, Any]:
    place = PLACE.fullmatch(todo["position"])
    return {
        "title": todo["title"],
        "completed": todo["status"] == "done",
        "order": int(place[1]) if place else None,
        "url": f"{ROOT}/{todo['id']}",
    }
