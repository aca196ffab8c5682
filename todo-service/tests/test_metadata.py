"""The resource metadata (RFC 9728), the probes, and the OpenAPI document."""

import json
import re
from typing import Any

import pytest
import schemathesis
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from todo_fixtures import agents
from todo_fixtures.issuer import ISSUER
from todo_fixtures.service import Service
from todo_service.web_application import routes as web

PATH = "/.well-known/oauth-protected-resource/api/v1"


def test_the_protected_resource_is_described_to_everybody(sqlite_service: Service) -> None:
    """RFC 9728 §2, §3 (rule R21 of VERIFIER.md)."""
    response = sqlite_service.client().get(PATH, headers={"Origin": "https://anywhere.example.com"})
    assert response.json() == {
        "resource": f"{ISSUER}/api/v1",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["todos:read", "todos:write"],
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": ["ES256", "PS256"],
    }
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_any_page_may_ask_for_it_with_any_field(sqlite_service: Service) -> None:
    """A preflight (the Fetch standard's CORS protocol)."""
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,x-anything"}
    response = sqlite_service.client().options(PATH, headers={"Origin": "https://anywhere.example.com", **asked})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization,x-anything"
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_the_challenge_leads_to_the_description(sqlite_service: Service) -> None:
    """RFC 9728 §5.1."""
    challenge = sqlite_service.client().get("/api/v1/todos").headers["WWW-Authenticate"]
    url = re.search('resource_metadata="([^"]*)"', challenge)
    assert url is not None
    assert url[1] == ISSUER + PATH


def test_health(shared_service: Service) -> None:
    for path in ("/livez", "/readyz"):
        response = shared_service.client().get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"


def document(service: Service) -> dict[str, Any]:
    described: dict[str, Any] = service.client().get("/openapi.json").json()
    return described


def test_the_document_has_exactly_the_routes(sqlite_service: Service) -> None:
    described = document(sqlite_service)
    assert described["openapi"].startswith("3.1.")
    documented = {(method.upper(), path) for path, operations in described["paths"].items() for method in operations}
    files = ("/openapi.json", "/assets/{name}", "/favicon.svg", web.WORKER, *web.PAGES)
    routed = {
        (method, context.path)
        for context in iter_route_contexts(sqlite_service.app.routes)
        for method in context.methods or ()
        if method != "OPTIONS" and context.path not in files
    }
    assert documented == routed


def schemas_of(service: Service) -> dict[str, Any]:
    schemas: dict[str, Any] = document(service)["components"]["schemas"]
    return schemas


def operations(service: Service) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document(service)["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_operation_says_what_it_takes_and_answers(sqlite_service: Service) -> None:
    ids = []
    for method, path, operation in operations(sqlite_service):
        ids.append(operation["operationId"])
        responses = operation["responses"]
        for status, response in responses.items():
            if int(status) >= 400 and path not in ("/readyz", "/mcp"):  # which has errors of its protocol, too
                assert list(response["content"]) == ["application/problem+json"], (method, path, status)
        if path == "/mcp":
            continue
        assert ({"415", "422"} <= responses.keys()) is ("requestBody" in operation)
        assert ("412" in responses) is ("If-Match" in str(operation.get("parameters")))
        takes_body = method == "patch" or operation["operationId"].startswith(WITH_BODY)
        assert ("requestBody" in operation) is takes_body
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        if path.startswith("/api/"):
            assert operation["security"] == [{"accessToken": []}]
            assert responses.keys() >= {"400", "401", "403", "500", "503"}
            assert ("404" in responses) is any(each in path for each in ("{todo_id}", "{list_id}", "/invitations/"))
            success = next(response for status, response in responses.items() if status in ("200", "201", "204"))
            contents = [success.get("content", {}), operation.get("requestBody", {}).get("content", {})]
            refs = [content["schema"]["$ref"] for each in contents for content in each.values()]
            schemas = schemas_of(sqlite_service)
            assert all(schemas[ref.rpartition("/")[2]]["examples"] for ref in refs), (method, path)
            assert refs or method == "delete"
        else:
            assert "security" not in operation
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere_and_nothing_of_fastapi_is_left(sqlite_service: Service) -> None:
    described = document(sqlite_service)
    text = json.dumps(described)
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        assert name in described["components"]["schemas"]
    assert "HTTPValidationError" not in text


WITH_BODY = ("create", "batch", "show", "accept", "invite")
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance, content_type_conformance]


@pytest.mark.filterwarnings("default")  # schemathesis warns about its own dependencies
def test_schemathesis_finds_nothing(shared_service: Service) -> None:
    """Generated requests, valid and invalid ones, with a token that has all scopes, for every operation that ends."""
    schema = schemathesis.openapi.from_dict(document(shared_service))
    schema.config.update(base_url=shared_service.url)
    alice = shared_service.person("alice")
    made = alice.post("/api/v1/todos", json={"title": "Buy milk"}).json()["id"]
    listed = alice.post("/api/v1/lists", json={"name": "Shopping"}).json()["id"]
    api, mcp = (client.headers["Authorization"] for client in (alice, agents.agent(shared_service, sub="alice")))
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        if result.ok().path.endswith("/events"):  # a stream, which test_events.py reads
            continue
        headers = {"Authorization": mcp if result.ok().path == agents.PATH else api}
        check_operation(result.ok(), headers, {"todo_id": made, "list_id": listed, "user_id": "alice"})


def check_operation(operation: Any, headers: dict[str, str], known: dict[str, str]) -> None:
    strategies = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(strategies), exists=st.booleans())
    def run(case: Any, exists: bool) -> None:
        if exists:  # generated ids and users never exist
            case.path_parameters = {
                **case.path_parameters,
                **{n: v for n, v in known.items() if n in case.path_parameters},
            }
        case.call_and_validate(headers=headers, checks=CHECKS)

    run()
