"""/metrics: correct counts, no labels that a caller can choose, and a complete list in OPERATION.md."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from auth_service.endpoints.token.grants import GRANT_TYPES

from .code_flow import Frontend, register_frontend, sign_up
from .conftest import PASSWORD, Service, Start, Store
from .oauth_client import post, register
from .ports import free_port
from .test_lockout import attempt, spend_budget
from .test_worker import StartWorker, eventually, start_worker

__all__ = ["start_worker"]

OPERATION = (Path(__file__).parents[1] / "OPERATION.md").read_text(encoding="utf-8")
TYPES = ("counter", "gauge", "histogram")
Labelled = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    """The metrics as Prometheus' own parser reads them."""

    samples: Mapping[tuple[str, Labelled], float]
    described: frozenset[tuple[str, str, str]]

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples.get((name, frozenset(labels.items())), 0)

    def labels_of(self, name: str) -> set[str]:
        return {label for sample, labels in self.samples for label, _ in labels if sample == name} - {"le"}

    def label_values(self, name: str, label: str) -> set[str]:
        return {dict(labels)[label] for sample, labels in self.samples if sample == name}


def scrape(url: str) -> Scrape:
    response = httpx2.get(url, trust_env=False)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = list(text_string_to_metric_families(response.text))
    samples = {
        (each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples
    }
    described = {
        (family.name + "_total" * (family.type == "counter"), family.type, family.documentation) for family in families
    }
    return Scrape(samples, frozenset(described))


@pytest.mark.process
def test_the_readme_lists_every_metric(start: Start, postgres_url: str, start_worker: StartWorker) -> None:
    """OPERATION.md has name, type, labels, process and meaning of all metrics of two processes on PostgreSQL."""
    service = start(postgres_url)
    register(service).token()
    register(service).token(scope="unknown")
    port = free_port()
    start_worker(Store(postgres_url), "--metrics-port", str(port))
    eventually(lambda: is_performing(port))
    listed = re.findall(r"^\| `([a-z_]+)` \| (\w+) \|([^|]*)\| (\w+) \| ([^|]*) \|$", OPERATION, re.MULTILINE)
    shown: dict[str, tuple[str, str, set[str], set[str]]] = {}
    for process, url in (("serve", service.metrics_url), ("worker", f"http://127.0.0.1:{port}/metrics")):
        found = scrape(url)
        for name, kind, what in found.described:
            labels = found.labels_of(f"{name}_count" if kind == "histogram" else name)
            shown.setdefault(name, (kind, what, labels, set()))[3].add(process)
    assert {
        name: (kind, what, set(re.findall(r"`([a-z_]+)`", labels)), {"serve", "worker"} if by == "both" else {by})
        for name, kind, labels, by, what in listed
    } == shown


def is_performing(port: int) -> bool:
    try:
        found = scrape(f"http://127.0.0.1:{port}/metrics")
    except httpx2.TransportError:
        return False
    return (
        found("auth_duty_performed_timestamp_seconds", duty="events") > 0
        and found.labels_of("auth_outbox_pending") == set()
    )


class TestCounts:
    def test_a_request_is_counted_by_method_template_and_status(self, sqlite_service: Service) -> None:
        request = {
            "http_request_method": "GET",
            "http_route": "/oauth/status-lists/{list_id}",
            "http_response_status_code": "404",
        }
        before = scrape(sqlite_service.metrics_url)
        for number in ("77", "78"):
            sqlite_service.client().get(f"{sqlite_service.url}/oauth/status-lists/{number}")
        after = scrape(sqlite_service.metrics_url)
        name = "http_server_request_duration_seconds"
        assert after(f"{name}_count", **request) - before(f"{name}_count", **request) == 2
        assert after(f"{name}_bucket", **request, le="+Inf") == after(f"{name}_count", **request)
        assert after(f"{name}_sum", **request) > before(f"{name}_sum", **request)
        assert after("http_server_active_requests") == 0

    def test_a_request_under_way_is_seen(self, sqlite_service: Service) -> None:
        with httpx2.stream("GET", f"{sqlite_service.url}/internal/status-list-hints") as hints:
            assert hints.status_code == 200
            assert scrape(sqlite_service.metrics_url)("http_server_active_requests") == 1

    def test_sign_ups_and_sign_ins_are_counted_by_outcome(self, service: Service) -> None:
        before = scrape(service.metrics_url)
        service.signed_up("ann@example.com")
        body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
        service.client().post("/sign-up/email", json=body)
        service.client().post("/sign-up/email", json={**body, "password": "password1"})
        assert attempt(service, "ann@example.com", PASSWORD).status_code == 200
        spend_budget(service, "ann@example.com", address="203.0.113.9")
        assert attempt(service, "ann@example.com", PASSWORD, address="203.0.113.9").status_code == 429
        service.execute("UPDATE accounts SET suspended_at = '2026-01-01 00:00:00+00'")
        assert attempt(service, "ann@example.com", PASSWORD).status_code == 403
        after = scrape(service.metrics_url)
        expected = {
            "auth_sign_ups_total": {"succeeded": 1, "taken": 1, "common_password": 1, "busy": 0},
            "auth_sign_ins_total": {"succeeded": 1, "refused": 5, "held": 1, "suspended": 1, "busy": 0},
        }
        assert {
            name: {
                each: after(name, method="password", outcome=each) - before(name, method="password", outcome=each)
                for each in outcomes
            }
            for name, outcomes in expected.items()
        } == expected
        held = "auth_password_attempts_held_total"
        assert after(held) - before(held) == 1

    def test_tokens_are_counted_by_grant_and_refusals_by_error(self, service: Service) -> None:
        frontend, robot = register_frontend(service), register(service)
        person = sign_up(service)
        before = scrape(service.metrics_url)
        tokens = frontend.tokens(person)
        assert frontend.refresh(tokens["refresh_token"]).status_code == 200
        assert robot.token().status_code == 200
        assert robot.token(scope="unknown").status_code == 400
        assert service.signed_up().get("/token").status_code == 200
        after = scrape(service.metrics_url)
        issued = {
            each: after("auth_tokens_issued_total", grant_type=each)
            - before("auth_tokens_issued_total", grant_type=each)
            for each in after.label_values("auth_tokens_issued_total", "grant_type")
        }
        expected = {"authorization_code": 1, "refresh_token": 1, "client_credentials": 1, "session": 1}
        assert issued == dict.fromkeys(GRANT_TYPES, 0) | expected
        refused = {"http_route": "/oauth/token", "error": "invalid_scope"}
        assert after("auth_oauth_refusals_total", **refused) - before("auth_oauth_refusals_total", **refused) == 1

    def test_what_is_shown_twice_is_counted(self, service: Service) -> None:
        before = scrape(service.metrics_url)
        frontend = register_frontend(service)
        person = sign_up(service)
        reuse_refresh_token(frontend, frontend.tokens(person)["refresh_token"])
        code = frontend.authorize(person)
        assert [frontend.redeem(code).status_code for _ in range(2)] == [200, 400]
        after = scrape(service.metrics_url)
        for name in ("auth_refresh_reuse_detected_total", "auth_code_reuse_detected_total"):
            assert after(name) - before(name) == 1, name


def reuse_refresh_token(frontend: Frontend, token: str) -> None:
    successor = frontend.refresh(token).json()["refresh_token"]
    frontend.refresh(successor)
    assert frontend.refresh(token).json()["error"] == "invalid_grant"


class TestGauges:
    def test_the_age_of_the_key_and_of_the_lists_is_told_by_the_clock(self, start: Start, sqlite_url: str) -> None:
        service = start(sqlite_url)
        before = scrape(service.metrics_url)
        service.clock.advance(days=31)
        after = scrape(service.metrics_url)
        for signs in ("tokens", "status_lists"):
            age = "auth_signing_key_age_seconds"
            labels = {"signs": signs, "alg": "RS256"}
            assert after(age, **labels) - before(age, **labels) == pytest.approx(31 * 86400, abs=60)
            due = 30 * 86400 - after(age, **labels)
            assert after("auth_signing_key_rotation_due_seconds", **labels) == pytest.approx(due, abs=60)

    def test_a_lists_version_is_told(self, start: Start, sqlite_url: str) -> None:
        service = start(sqlite_url)
        client = service.signed_up()
        client.get("/token")
        [(number,)] = service.rows("SELECT status_list_id FROM browser_sessions")
        client.post("/sign-out")
        eventually(lambda: scrape(service.metrics_url)("auth_status_list_version", status_list=str(number)) == 1)

    def test_connections_in_use_are_told(self, start: Start, postgres_url: str) -> None:
        service = start(postgres_url)
        service.signed_up().get("/get-session")
        found = scrape(service.metrics_url)
        used = {"db_client_connection_pool_name": "reader", "db_client_connection_state": "used"}
        eventually(lambda: scrape(service.metrics_url)("db_client_connection_count", **used) == 0)  # some are kept
        for pool in ("writer", "reader"):
            assert found("db_client_connection_max", db_client_connection_pool_name=pool) == 10
        states = found.label_values("db_client_connection_count", "db_client_connection_state")
        assert states == {"used", "idle"}

    @pytest.mark.process
    def test_a_worker_tells_what_waits_to_be_told(
        self, start: Start, sqlite_url: str, start_worker: StartWorker
    ) -> None:
        """While a receiver cannot be reached, the event stays in the outbox."""
        service, port = start(sqlite_url), free_port()
        register(
            service, event_endpoint="http://127.0.0.1:9/events", protected_resource=f"{service.settings.issuer}/api/v1"
        )
        service.signed_up("ann@example.com")
        assert service.command("users", "suspend", "ann@example.com", "--yes").returncode == 0
        start_worker(Store(sqlite_url), "--metrics-port", str(port))
        eventually(lambda: is_performing(port))
        found = scrape(f"http://127.0.0.1:{port}/metrics")
        assert found("auth_outbox_pending") >= 1
        assert found("auth_outbox_oldest_age_seconds") > 0
        assert found("auth_lease_held", duty="events") == 1


def test_nobody_outside_chooses_a_label(sqlite_service: Service) -> None:
    service, chosen = sqlite_service, "chosen-by-a-stranger"
    client = service.client()
    for method, path in (
        ("PROPFIND", "/signin"),
        (chosen.upper(), "/signin"),
        ("POST", f"/{chosen}"),
        ("GET", f"/{chosen}?{chosen}"),
    ):
        client.request(method, service.url + path)
    robot = register(service)
    post(service, {"grant_type": chosen}, auth=(robot.client_id, robot.secret))
    post(service, {"grant_type": chosen}, auth=(chosen, chosen))
    found = scrape(service.metrics_url)
    assert chosen not in str(found.samples).lower()
    assert robot.client_id not in str(found.samples)
    methods = found.label_values("http_server_request_duration_seconds_count", "http_request_method")
    assert methods <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "_OTHER"}
    assert "_OTHER" in methods


def test_metrics_are_on_a_port_of_their_own(sqlite_service: Service) -> None:
    """The gateway does not know the metrics port."""
    assert sqlite_service.client().get(f"{sqlite_service.url}/metrics").status_code == 404
    assert httpx2.get(f"{sqlite_service.metrics_url}?name[]=x", trust_env=False).status_code == 200
    for method, path in (("GET", "/"), ("GET", "/metrics/"), ("POST", "/metrics")):
        url = sqlite_service.metrics_url.replace("/metrics", path)
        assert httpx2.request(method, url, trust_env=False).status_code == 404


@pytest.mark.process
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_port_that_is_taken_is_refused_in_one_line(command: str, sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = Store(sqlite_url).process(command, "--port", str(free_port()), "--metrics-port", port)
    assert (refused.returncode, refused.stderr) == (
        1,
        f"auth-service: cannot listen on 127.0.0.1 port {port}: Address already in use\n",
    )
