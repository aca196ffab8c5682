"""/mcp: what agents may do with a token of a person, and what they are told when they may not."""

import asyncio
import json
import sqlite3
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from todo_fixtures import agents, sharing
from todo_fixtures.agents import agent, call, refusal, result, send, token
from todo_fixtures.issuer import ISSUER, status
from todo_fixtures.service import Service, wait_until
from todo_fixtures.status_lists import StatusEndpoint
from todo_service.agents.metadata import SCOPES
from todo_service.agents.tools import TOOLS
from todo_service.limits.windows import QuotaPolicy

METADATA = "/.well-known/oauth-protected-resource/mcp"
TODOS = "/api/v1/todos"


def arguments(tool: str, todo_id: str) -> dict[str, Any]:
    """Acceptable arguments of each tool. A new tool needs an entry."""
    acceptable: dict[str, dict[str, Any]] = {
        "list_todos": {"status": "open", "limit": 5},
        "list_lists": {},
        "search_todos": {"q": "milk"},
        "add_todo": {"title": "Buy milk"},
        "add_list": {"name": "Shopping"},
        "complete_todo": {"id": todo_id},
        "reopen_todo": {"id": todo_id},
        "plan_todos": {"todos": [{"id": todo_id, "due": "2027-01-31", "priority": 3}]},
    }
    return acceptable[tool]


def person(service: Service) -> tuple[str, str]:
    """A new person's id, and the id of their one todo."""
    sub = uuid.uuid4().hex
    return sub, service.person(sub).post(TODOS, json={"title": "Buy milk"}).json()["id"]


def parameters(challenge: str) -> dict[str, str]:
    scheme, _, rest = challenge.partition(" ")
    assert scheme == "Bearer"
    return {name: value.strip('"') for name, _, value in (each.partition("=") for each in rest.split(", "))}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_needs_its_scope_and_no_other(sqlite_service: Service, tool: str) -> None:
    """RFC 6750 §3.1, RFC 9728 §5.1. The challenge keeps what was granted: clients ask for exactly what it names."""
    sub, todo_id = person(sqlite_service)
    scope, given = TOOLS[tool].scope, arguments(tool, todo_id)
    others = [each for each in SCOPES if each != scope]
    refused = call(agent(sqlite_service, sub=sub, scope=" ".join(others)), tool, **given)
    assert refused.status_code == 403
    challenge = parameters(refused.headers["WWW-Authenticate"])
    assert challenge["error"] == "insufficient_scope"
    assert challenge["scope"] == " ".join(SCOPES)
    assert challenge["resource_metadata"] == f"{ISSUER}{METADATA}"
    result(agent(sqlite_service, sub=sub, scope=scope), tool, **given)


def test_what_tools_do_is_seen_by_the_api(shared_service: Service) -> None:
    """The tools and the endpoints work on the same rows."""
    sub = uuid.uuid4().hex
    mine, api = agent(shared_service, sub=sub), shared_service.person(sub)
    shopping = result(mine, "add_list", name="Shopping", color="green")
    milk = result(mine, "add_todo", title="Buy milk", list_id=shopping["id"])
    assert api.get(f"{TODOS}/{milk['id']}").json() == milk
    assert result(mine, "list_lists")["items"] == api.get("/api/v1/lists").json()["items"] == [shopping]
    planned = result(mine, "plan_todos", todos=[{"id": milk["id"], "due": "2027-01-31", "priority": 2}, {"id": "no"}])
    assert [each["status"] for each in planned["results"]] == [200, 404]
    assert planned["results"][0]["todo"]["due"] == "2027-01-31"
    assert planned["results"][0]["todo"]["list_id"] == shopping["id"]
    moved = result(mine, "plan_todos", todos=[{"id": milk["id"], "list_id": None, "due": None}])["results"][0]["todo"]
    assert (moved["list_id"], moved["due"], moved["priority"]) == (None, None, 2)
    assert result(mine, "complete_todo", id=milk["id"])["status"] == "done"
    assert api.get(TODOS, params={"status": "done"}).json()["items"] == result(mine, "list_todos")["items"]
    assert result(mine, "reopen_todo", id=milk["id"])["status"] == "open"
    for number in range(3):
        result(mine, "add_todo", title=f"Milk {number}")
    first = result(mine, "search_todos", q="MILK", limit=2)
    rest = result(mine, "search_todos", q="MILK", limit=2, cursor=first["next_cursor"])
    assert [each["title"] for each in (*first["items"], *rest["items"])] == ["Milk 2", "Milk 1", "Milk 0", "Buy milk"]


def test_nobody_gets_at_another_persons_todos(isolated_service: Service) -> None:
    """The same answer as for an id that nobody has. On PostgreSQL also without the one or the other separation."""
    sub, todo_id = person(isolated_service)
    other = agent(isolated_service, sub=uuid.uuid4().hex)
    for tool in ("complete_todo", "reopen_todo"):
        refusals = [refusal(other, tool, id=each) for each in (todo_id, str(uuid.uuid4()), "x")]
        assert {each.pop("request_id") for each in refusals} != {None}
        assert refusals == [refusals[0]] * 3
        assert (refusals[0]["status"], refusals[0]["detail"]) == (404, "There is no such todo.")
    results = result(other, "plan_todos", todos=[{"id": todo_id, "due": "2027-01-31"}])["results"]
    assert [each["status"] for each in results] == [404]
    assert result(other, "list_todos")["items"] == result(other, "search_todos", q="milk")["items"] == []
    mine = result(agent(isolated_service, sub=sub), "list_todos")["items"]
    assert [(each["id"], each["version"]) for each in mine] == [(todo_id, 1)]


# By role: the status of adding a todo to the list, of changing one, and of moving it to the inbox.
ROLES = {
    "stranger": (422, 404, 404), "former": (422, 404, 404), "viewer": (403, 403, 403), "editor": (200, 200, 422),
    "owner": (200, 200, 200),
}  # fmt: skip


def test_an_agent_may_do_in_a_shared_list_what_its_person_may(isolated_service: Service) -> None:
    """Adding, planning and completing. In one plan one's own todos and shared ones have a result each."""
    shared = sharing.make(isolated_service)
    owner, day = shared.client("owner"), 0
    for role, (adding, changing, moving) in ROLES.items():
        mine, day = agent(isolated_service, sub=shared.subs[role]), day + 1
        answered = call(mine, "add_todo", title=role, list_id=shared.list_id).json()["result"]
        told = json.loads(answered["content"][0]["text"])
        assert (told["status"] if answered.get("isError") else 200) == adding, role
        own = result(mine, "add_todo", title="My own")["id"]
        asked = [{"id": own, "priority": 1}, {"id": shared.todo_id, "due": f"2027-01-0{day}"}, {"id": "no"}]
        planned = result(mine, "plan_todos", todos=asked)["results"]
        assert [each["status"] for each in planned] == [200, changing, 404], role
        is_due = owner.get(f"{TODOS}/{shared.todo_id}").json()["due"] == f"2027-01-0{day}"
        assert is_due is (changing == 200), role
        completed = call(mine, "complete_todo", id=shared.todo_id).json()["result"]
        assert completed.get("isError", False) is (changing != 200), role
        moved = result(mine, "plan_todos", todos=[{"id": shared.todo_id, "list_id": None}])["results"]
        assert [each["status"] for each in moved] == [moving], role
    titles = {each["title"] for each in owner.get(TODOS, params={"list_id": shared.list_id}).json()["items"]}
    assert titles == {"editor", "owner"}


def test_a_token_of_one_api_does_not_open_the_other(sqlite_service: Service) -> None:
    """RFC 8707 §2.2: the audience decides, whatever the scopes are."""
    scope = f"todos:read todos:write {agents.SCOPES}"
    for client, is_mcp in (
        (sqlite_service.person(scope=scope), True),
        (agent(sqlite_service, scope=scope), False),
        (agent(sqlite_service, aud=f"{agents.AUDIENCE}/"), True),
        (agent(sqlite_service, aud=ISSUER), True),
    ):
        refused = call(client, "list_todos") if is_mcp else client.get(TODOS)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:problem-type:todo:invalid-token")
        path = METADATA if is_mcp else "/.well-known/oauth-protected-resource/api/v1"
        assert f'resource_metadata="{ISSUER}{path}"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("credentials", [None, "Bearer x", "Bearer", "Basic eDp5"])
@pytest.mark.parametrize("method", ["server/discover", "tools/list", "tools/call", "initialize"])
def test_without_a_valid_token_the_answer_says_how_to_get_one(
    sqlite_service: Service, credentials: str | None, method: str
) -> None:
    """Every method needs a token. RFC 9728 §5.1; the scopes are those that a client asks for first."""
    sent = {} if credentials is None else {"Authorization": credentials}
    refused = send(sqlite_service.client(), method, more_headers=sent)
    if credentials == "Bearer":
        assert refused.status_code == 400
        return
    assert refused.status_code == 401
    challenge = parameters(refused.headers["WWW-Authenticate"])
    assert (challenge["resource_metadata"], challenge["scope"]) == (f"{ISSUER}{METADATA}", " ".join(SCOPES))
    assert challenge.get("error") == ("invalid_token" if credentials == "Bearer x" else None)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Origin": "https://evil.example.com"}])
def test_the_tools_are_not_loaded_for_a_request_that_is_refused(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """They take 2 MB and the time of other requests, and anybody could cause it."""
    monkeypatch.setitem(sys.modules, "todo_service.agents.tools", None)  # an import of it fails
    refused = send(sqlite_service.client(), "tools/call", more_headers=headers)
    assert refused.status_code == (403 if "Origin" in headers else 401)


def test_the_metadata_name_issuer_and_scopes(sqlite_service: Service) -> None:
    """RFC 9728 §3.2. Any page may read them."""
    shown = sqlite_service.client().get(METADATA, headers={"Origin": "https://board.example.com"})
    assert shown.headers["Access-Control-Allow-Origin"] == "*"
    assert shown.json() == {
        "resource": agents.AUDIENCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256"],
    }


GOOD = json.dumps(agents.message("tools/list")).encode()
TYPE = {"Content-Type": "application/json"}
BAD: dict[str, tuple[bytes, Mapping[str, str], int]] = {
    "not JSON": (b"{", TYPE, 400),
    "duplicate names": (GOOD.replace(b'"id": 1', b'"id": 1, "id": 2'), TYPE, 400),
    "not a number": (GOOD.replace(b'"id": 1', b'"id": NaN'), TYPE, 400),
    "a batch": (b"[" + GOOD + b"]", TYPE, 400),
    "deep": (b'{"a":' * 40 + b"1" + b"}" * 40, TYPE, 400),
    "many members": (json.dumps({str(n): n for n in range(2000)}).encode(), TYPE, 400),
    "too long": (b" " * (256 * 1024 + 1), TYPE, 413),
    "another type": (GOOD, {"Content-Type": "text/plain"}, 415),
    "compressed": (GOOD, {**TYPE, "Content-Encoding": "gzip"}, 415),
    "not accepting JSON": (GOOD, {**TYPE, "Accept": "text/event-stream"}, 406),
    "another method in the header": (GOOD, {**TYPE, "Mcp-Method": "tools/call"}, 400),
    "an unknown revision": (GOOD, {**TYPE, "Mcp-Protocol-Version": "2099-01-01"}, 400),
    "a method that there is not": (
        json.dumps(agents.message("resources/list")).encode(),
        {**TYPE, "Mcp-Method": "resources/list"},
        404,
    ),
    "no method": (b'{"jsonrpc": "2.0", "id": 1}', TYPE, 400),
    "an answer": (b'{"jsonrpc": "2.0", "id": 1, "result": {}}', TYPE, 400),
    "params that are no object": (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": [1]}', TYPE, 400),
    "another page's origin": (GOOD, {**TYPE, "Origin": "https://evil.example.com"}, 403),
    "a sandboxed page": (GOOD, {**TYPE, "Origin": "null"}, 403),
    "a token in the query": (GOOD, {**TYPE, "X-Query": "?access_token=x"}, 400),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_message_is_refused(sqlite_service: Service, case: str) -> None:
    body, more, expected = BAD[case]
    sent = {**agents.headers("tools/list"), **more}
    path = agents.PATH + sent.pop("X-Query", "")
    answered = agent(sqlite_service).post(path, content=body, headers=sent)
    assert answered.status_code == expected, answered.text
    if expected in (403, 413, 415):
        assert answered.json()["type"].rpartition(":")[2] in (
            "foreign-origin",
            "content-too-large",
            "unsupported-media-type",
        )


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "an unknown member": ("list_todos", {"owner": "bob"}, "invalid-fields"),
    "an empty title": ("add_todo", {"title": " "}, "invalid-fields"),
    "a number as text": ("list_todos", {"limit": "5"}, "invalid-fields"),
    "too many": ("list_todos", {"limit": 101}, "invalid-fields"),
    "a zone without a day": ("list_todos", {"time_zone": "Europe/Berlin"}, "invalid-fields"),
    "a long search": ("search_todos", {"q": "x" * 201}, "invalid-fields"),
    "a foreign cursor": ("list_todos", {"cursor": "x"}, "invalid-cursor"),
    "a long cursor": ("list_todos", {"cursor": "x" * 401}, "invalid-fields"),
    "a list that there is not": ("add_todo", {"title": "x", "list_id": str(uuid.uuid4())}, "invalid-fields"),
    "an id that is none": ("complete_todo", {"id": "../todos"}, "not-found"),
    "no todo": ("plan_todos", {"todos": []}, "invalid-fields"),
    "too many todos": ("plan_todos", {"todos": [{"id": "x"}] * 51}, "invalid-fields"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_a_result_that_an_agent_can_read(sqlite_service: Service, case: str) -> None:
    tool, given, slug = WRONG[case]
    assert refusal(agent(sqlite_service), tool, **given)["type"] == f"urn:problem-type:todo:{slug}"


def test_a_tool_that_there_is_not(sqlite_service: Service) -> None:
    answered = call(agent(sqlite_service), "remove_todo", id="x")
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, -32602)


def test_only_post_and_the_pages_of_named_origins(run_service: Any) -> None:
    """There are no streams and no sessions: GET and DELETE, which earlier revisions had, are 405."""
    board = "https://board.example.com"
    with run_service(cors_origins=(board,)) as service:
        service.wait_until_ready()
        client = agent(service)
        for method in ("GET", "DELETE", "PUT"):
            refused = client.request(method, agents.PATH)
            assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
        for origin in (board, ISSUER):
            assert send(client, "tools/list", more_headers={"Origin": origin}).status_code == 200
        asked = {"Origin": board, "Access-Control-Request-Method": "POST"}
        preflight = service.client().options(agents.PATH, headers=asked)
        assert preflight.headers["Access-Control-Allow-Origin"] == board
        allowed = preflight.headers["Access-Control-Allow-Headers"]
        assert {"authorization", "mcp-protocol-version", "mcp-method", "mcp-name"} <= set(allowed.split(", "))
        refused = send(service.client(), "tools/list", more_headers={"Origin": board})
        assert refused.headers["Access-Control-Allow-Origin"] == board
        assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]


def test_calls_count_with_requests_of_the_api(run_service: Any) -> None:
    """A plan of several todos counts as several requests, and 429 is the answer to the HTTP request."""
    with run_service(rate_limit=QuotaPolicy(10, timedelta(hours=1))) as service:
        service.wait_until_ready()
        sub, todo_id = person(service)
        mine = agent(service, sub=sub)
        assert '"subject";r=8;' in call(mine, "list_todos").headers["RateLimit"]
        limited = call(mine, "plan_todos", todos=[{"id": todo_id}] * 9)
        assert (limited.status_code, limited.json()["type"]) == (429, "urn:problem-type:todo:rate-limit-exceeded")
        assert "Retry-After" in limited.headers
        assert service.person(sub).get(TODOS).status_code == 429


def test_the_quota_of_todos_is_the_apis(run_service: Any) -> None:
    with run_service(quota=1) as service:
        service.wait_until_ready()
        mine = agent(service)
        result(mine, "add_todo", title="First")
        assert refusal(mine, "add_todo", title="Second")["type"] == "urn:problem-type:todo:quota-exceeded"


def test_a_database_that_fails_is_told_as_by_the_api(run_service: Any, sqlite_url: str) -> None:
    with run_service() as service:
        service.wait_until_ready()
        path = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
        with sqlite3.connect(path) as connection:
            connection.execute("ALTER TABLE todos RENAME TO gone")
        answered = call(agent(service), "list_todos")
        assert (answered.status_code, answered.json()["type"]) == (503, "urn:problem-type:todo:database-unavailable")


def test_an_agent_is_cut_off(lists: StatusEndpoint, run_service: Any) -> None:
    """R18: a revoked token is refused, although it was verified before."""
    with run_service() as service:
        service.wait_until_ready()
        wait_until(lambda: bool(tuple(service.app.state.parts.verifier.report().status_lists.held)))
        cut_off, other = (agent(service, status=status(index)) for index in (5, 6))
        assert [call(each, "list_todos").status_code for each in (cut_off, other)] == [200, 200]
        lists.revoke("1", 5)
        wait_until(lambda: call(cut_off, "list_todos").status_code == 401)
        assert call(other, "list_todos").status_code == 200


def test_with_stale_lists_tools_read_and_change_nothing(lists: StatusEndpoint, run_service: Any) -> None:
    """R19, as at the API."""
    with run_service() as service:
        service.wait_until_ready()
        kept = service.app.state.parts.verifier._following.lists
        wait_until(lambda: bool(kept._held))
        lists.status = 500
        kept._held = {uri: replace(each, iat=time.time() - 400) for uri, each in kept._held.items()}
        mine = agent(service, status=status(5))
        assert call(mine, "list_todos").status_code == 200
        refused = call(mine, "add_todo", title="x")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:problem-type:todo:status-unavailable")


@pytest.mark.parametrize("mode", ["auto", "legacy", "2026-07-28"])
def test_the_sdks_own_client_works(sqlite_service: Service, mode: str) -> None:
    """`legacy` begins with `initialize`, as clients of the revision 2025-11-25 do."""

    async def visit() -> tuple[list[str], list[str]]:
        headers = {"Authorization": f"Bearer {token(sub=uuid.uuid4().hex)}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
            transport = streamable_http_client(f"{sqlite_service.url}{agents.PATH}", http_client=http)
            async with Client(transport, mode=mode) as client:
                tools = [each.name for each in (await client.list_tools()).tools]
                await client.call_tool("add_todo", {"title": "Buy milk"})
                (shown,) = (await client.call_tool("list_todos", {})).content
                assert isinstance(shown, TextContent)
                return tools, [each["title"] for each in json.loads(shown.text)["items"]]

    assert asyncio.run(visit()) == (list(TOOLS), ["Buy milk"])
