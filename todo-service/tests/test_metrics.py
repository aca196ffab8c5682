"""/metrics, on its own port."""

import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from todo_fixtures import issuer
from todo_fixtures.issuer import JwksEndpoint
from todo_fixtures.service import Service, wait_until
from todo_fixtures.status_lists import SIGNER, StatusEndpoint

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_metrics_tell_how_the_key_set_is_doing(run_service, jwks: JwksEndpoint) -> None:  # type: ignore[no-untyped-def]  # a fixture
    """Rule J14 of VERIFIER.md."""
    with run_service() as service:
        service.wait_until_ready()
        for kid in ("nobody", "nobody-else"):
            refused = service.client(issuer.token(headers={"kid": kid})).get("/api/v1/todos")
            assert refused.status_code == 401

        def read() -> dict[str, float]:
            lines = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) (\S+)$", service.metrics(), re.MULTILINE)
            return {name: float(value) for name, value in lines}

        wait_until(lambda: read()['jwks_fetches_total{result="unchanged"}'] >= 1)
        metrics = read()
        assert metrics["jwks_unknown_kid_total"] == 2
        assert metrics['jwks_forced_total{result="not_found"}'] == 1
        assert metrics['jwks_forced_total{result="refused"}'] == 1
        assert metrics['jwks_fetches_total{result="changed"}'] == 1
        assert metrics["jwks_keys"] == 1
        assert 0 <= metrics["jwks_stale_seconds"] < 60
        assert metrics["jwks_last_success_timestamp_seconds"] >= metrics["jwks_last_attempt_timestamp_seconds"] > 0
        [info] = [name for name in metrics if name.startswith("jwks_info")]
        jwks.keys = [issuer.jwk("second")]
        assert re.fullmatch(r'jwks_info\{hash="[0-9a-f]{16}"\}', info)


def test_who_hangs_up_amid_a_request_is_no_fault_of_ours(run_service: Any) -> None:
    with run_service() as service:
        service.wait_until_ready()
        address = urlsplit(service.url)
        lines = ["POST /api/v1/todos HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 9"]
        half = "\r\n".join([*lines, f"Authorization: Bearer {issuer.token(sub='alice')}", "", '{"'])
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.sendall(half.encode())
        counted = r'_request_duration_seconds_count\{.*http_route="/api/v1/todos".*status_code="(\d+)"'
        wait_until(lambda: re.search(counted, service.metrics()) is not None)
        assert re.findall(counted, service.metrics()) == ["400"]


def test_the_readme_lists_every_metric(run_service: Any, jwks: JwksEndpoint) -> None:
    """Name, type, labels and meaning, as Prometheus' own parser reads them."""
    lists = StatusEndpoint()
    lists.publish("1")
    jwks.keys = [issuer.jwk("first"), issuer.jwk(SIGNER, signs="statuslist+jwt")]
    jwks.elsewhere["/oauth/status-lists"] = lists.answer
    with run_service() as service:
        service.wait_until_ready()
        service.client("no-token").get("/api/v1/todos")
        wait_until(lambda: "status_list_age_seconds" in service.metrics())
        families = list(text_string_to_metric_families(service.metrics()))
    shown = {
        family.name + "_total" * (family.type == "counter"): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
            family.documentation,
        )
        for family in families
    }
    rows = re.findall(r"^\| `([a-z_]+)` \| (counter|gauge|histogram) \|([^|]*)\| ([^|]*) \|$", README, re.MULTILINE)
    assert {name: (kind, set(re.findall(r"`([a-z_]+)`", labels)), what) for name, kind, labels, what in rows} == shown


def test_requests_and_refusals_are_counted_and_no_caller_chooses_a_label(run_service: Any) -> None:
    chosen = "chosen-by-a-stranger"
    with run_service() as service:
        service.wait_until_ready()
        service.client(chosen).get(f"/api/v1/todos?{chosen}=1")
        service.client(chosen).get(f"/{chosen}")
        service.client(chosen).request("PROPFIND", f"/api/v1/todos/{chosen}")
        metrics = service.metrics()
    assert chosen not in metrics
    route = 'http_request_method="GET",http_route="/api/v1/todos",http_response_status_code="401"'
    assert f"http_server_request_duration_seconds_count{{{route}}} 1.0\n" in metrics
    assert 'http_request_method="_OTHER"' in metrics
    assert 'todo_token_rejections_total{reason="the token does not have three segments"} 1\n' in metrics
    assert 'todo_problems_total{type="invalid-token"} 1\n' in metrics
    assert "http_server_active_requests 0\n" in metrics


def test_metrics_and_the_api_have_ports_of_their_own(sqlite_service: Service) -> None:
    assert sqlite_service.client().get("/metrics").status_code == 404
    scraper = sqlite_service.client()
    elsewhere = sqlite_service.metrics_url.removesuffix("/metrics")
    assert [scraper.get(elsewhere + path).status_code for path in ("/metrics", "/livez", "/api/v1/todos")] == [
        200,
        404,
        404,
    ]
