"""An agent that speaks the Model Context Protocol at /mcp: single requests of the revision 2026-07-28."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2

from todo_fixtures import issuer
from todo_fixtures.service import Service

PATH = "/mcp"
AUDIENCE = f"{issuer.ISSUER}{PATH}"
SCOPES = "mcp:list mcp:search mcp:add mcp:complete mcp:plan"
VERSION = "2026-07-28"


def token(**claims: Any) -> str:
    return issuer.token(**{"aud": AUDIENCE, "scope": SCOPES, **claims})


def message(method: str, **parameters: Any) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**parameters, "_meta": meta}}


def headers(method: str, name: str = "") -> dict[str, str]:
    sent = {"Accept": "application/json, text/event-stream", "Mcp-Protocol-Version": VERSION, "Mcp-Method": method}
    return {**sent, "Mcp-Name": name} if name else sent


def send(
    client: httpx2.Client, method: str, *, more_headers: Mapping[str, str] | None = None, **parameters: Any
) -> httpx2.Response:
    sent = {**headers(method, parameters.get("name", "")), **(more_headers or {})}
    return client.post(PATH, json=message(method, **parameters), headers=sent)


def call(client: httpx2.Client, tool: str, **arguments: Any) -> httpx2.Response:
    return send(client, "tools/call", name=tool, arguments=arguments)


def result(client: httpx2.Client, tool: str, **arguments: Any) -> Any:
    """What the tool returned. It fails if the tool refused."""
    answered = call(client, tool, **arguments)
    assert answered.status_code == 200, answered.text
    given = answered.json()["result"]
    assert not given.get("isError"), given
    return json.loads(given["content"][0]["text"])


def refusal(client: httpx2.Client, tool: str, **arguments: Any) -> Any:
    """The problem that the tool returned as its result."""
    answered = call(client, tool, **arguments)
    assert answered.status_code == 200, answered.text
    given = answered.json()["result"]
    assert given["isError"], given
    return json.loads(given["content"][0]["text"])


def agent(service: Service, **claims: Any) -> httpx2.Client:
    """A client with a token for /mcp, by default with all scopes."""
    return service.client(token(**claims))
