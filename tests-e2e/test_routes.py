"""The gateway serves the routes of README.md and no others."""

import re

import httpx2
import pytest

from e2e_fixtures.people import Person
from e2e_fixtures.stack import NO_TLS, Stack
from e2e_fixtures.waiting import wait_until

HIDDEN = {"/livez", "/readyz"}  # on each service's own port only
INSIDE = {"/internal/verifiers"}  # only between the services
NOWHERE = [
    *("/openapi.json", "/docs", "/redoc", "/metrics", "/internal", *INSIDE, "/.env", "/.git/config", "/favicon.ico"),
    *("/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/users", "/api/v1/users/x", "/api/v2/todos", "/api/v1/todosx"),
    *("/api/auth/../../livez", "/api/auth/%2e%2e/%2e%2e/readyz", "/api/v1/todos/..%2f..%2f..%2freadyz", "//livez"),
    *("/.well-known/", "/.well-known/security", "/.well-known/oauth-protected-resource", "/API/V1/todos"),
]  # fmt: skip
# The web application's pages and files; no OpenAPI document has them.
APPLICATION = {"/", "/favicon.svg", "/service-worker.js", "/assets/1"}
NOT_ROUTED = "There is nothing here."


def documented(stack: Stack, service: str) -> list[tuple[str, str]]:
    described = httpx2.get(f"{stack.own_url(service)}/openapi.json", trust_env=False, verify=NO_TLS).json()
    return [(method.upper(), path) for path, item in described["paths"].items() for method in item]


@pytest.mark.parametrize("service", ["auth", "todo"])
def test_every_documented_route_is_routed_and_what_is_for_inside_is_not(stack: Stack, service: str) -> None:
    client = stack.client()
    routed = {(method, path) for method, path in documented(stack, service) if _is_routed(client, method, path)}
    assert routed == {(method, path) for method, path in documented(stack, service) if path not in HIDDEN | INSIDE}


def test_gateway_routes_no_path_that_todo_service_lacks(stack: Stack) -> None:
    """The reverse check for todo-service; gateway/tests/test_paths.py compares auth-service's routes both ways."""
    rendered = (stack.checkout.folder / ".run/nginx/nginx.conf").read_text(encoding="utf-8")
    locations = re.findall(r"location (= |~ )(\S+) +\{[^}]*proxy_pass http://\$todo;", rendered)
    assert len(locations) > 4
    served = {re.sub(r"\{[^}]*\}", "1", path) for _, path in documented(stack, "todo")} | APPLICATION
    routed = [re.compile(path if kind == "~ " else re.escape(path)) for kind, path in locations]
    assert [each.pattern for each in routed if not any(map(each.search, served))] == []


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_is_there(stack: Stack, method: str, path: str) -> None:
    # The raw target is sent as it is; otherwise the client would resolve the dots itself.
    request = stack.client().build_request(method, "/", extensions={"target": path.encode()})
    response = stack.client().send(request)
    assert response.status_code == 404
    assert response.json()["detail"] == NOT_ROUTED


@pytest.mark.parametrize("path", sorted(HIDDEN))
@pytest.mark.parametrize("service", ["auth", "todo"])
def test_services_say_on_their_own_port_how_they_are(stack: Stack, service: str, path: str) -> None:
    response = httpx2.get(stack.own_url(service) + path, trust_env=False, verify=NO_TLS)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_gateway_is_healthy_by_itself(stack: Stack) -> None:
    assert stack.client().get("/healthz").json() == {"status": "ok"}


def test_request_id_leads_through_every_log(stack: Stack) -> None:
    """The caller's request id is in the gateway's log and in the service's."""
    request_id = "e2e-request-0001"
    response = stack.client().get("/api/v1/todos", headers={"X-Request-ID": request_id})
    assert response.headers["X-Request-ID"] == response.json()["request_id"] == request_id
    wait_until(lambda: all(request_id in stack.log(name) for name in ("gateway", "todo-service")))


def _is_routed(client: httpx2.Client, method: str, path: str) -> bool:
    names = {"user_id": "u1", "todo_id": "t1", "list_id": "1", "member_id": "1", "invitation_id": "1"}
    names |= {"client_id": "c", "upstream_id": "u"}
    return NOT_ROUTED not in client.request(method, path.format(**names)).text


def test_compressed_page_is_known_by_its_tag_and_a_todo_is_changed_by_its_own(stack: Stack, person: Person) -> None:
    """RFC 9110 §13.1: If-None-Match takes the tag that compression made weak; If-Match needs a strong one."""
    api = person.api()
    for number in range(20):
        made = api.post("/api/v1/todos", json={"title": f"Todo {number}", "notes": "some notes to carry around"})
    pages = {path: api.get(path) for path in ("/api/v1/todos", "/api/v1/changes", "/api/v1/export")}
    assert {page.headers["Content-Encoding"] for page in pages.values()} == {"gzip"}
    assert all("Todo 19" in page.text for page in pages.values())
    tag = pages["/api/v1/todos"].headers["ETag"]
    assert tag.startswith('W/"')
    assert api.get("/api/v1/todos", headers={"If-None-Match": tag}).status_code == 304
    one = api.get(made.headers["Location"])
    assert "Content-Encoding" not in one.headers
    condition = {"If-Match": one.headers["ETag"]}
    assert api.patch(made.headers["Location"], json={"notes": ""}, headers=condition).status_code == 200
    assert api.patch(made.headers["Location"], json={"notes": "x"}, headers=condition).status_code == 412
