"""deploy/observability: each expression parses as PromQL, and the services expose its metrics and labels.

Prometheus and Grafana are not started, because their images are not available on every machine that runs the tests.
"""

import json
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import promql_parser
import pytest
import yaml
from deploy.local.ports import free_port
from prometheus_client.parser import text_string_to_metric_families

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

FOLDER = ROOT / "deploy/observability"
OVERLAY = ROOT / "deploy/compose/observability.yaml"
JOBS = {"auth-service": "auth", "auth-worker": "worker", "todo-service": "todo"}
CERTIFICATE = "gateway-certificate"  # a container of tls.yaml
OF_PROMETHEUS = {"job", "instance"}  # labels that Prometheus adds
SAMPLES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}

Exposed = dict[str, set[str]]  # each metric's labels


@dataclass(frozen=True)
class Selector:
    metric: str
    labels: frozenset[str]
    jobs: str | None


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for path in sorted(FOLDER.glob("dashboards/*.json")):
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield f"{path.stem}: {panel['title']} {target['refId']}", target["expr"]


EXPRESSIONS = dict(expressions())


def visited(expression: str, kind: type[Any]) -> list[Any]:
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, kind):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def selectors(expression: str) -> Iterator[Selector]:
    for node in visited(expression, promql_parser.VectorSelector):
        matchers = {each.name: each.value for each in node.matchers.matchers}
        yield Selector(node.name, frozenset(matchers), matchers.get("job"))


def kept_labels(expression: str) -> set[str]:
    """The labels that the expression's aggregations name."""
    modifiers = [node.modifier for node in visited(expression, promql_parser.AggregateExpr)]
    return {label for each in modifiers if each is not None for label in each.labels}


@pytest.fixture(scope="module")
def exposed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exposed]:
    """The metrics of each process after requests that set all of them."""
    folder = tmp_path_factory.mktemp("certificate")
    client = stack.client()
    client.get("/api/v1/todos", headers={"Authorization": "Bearer nothing"})
    client.post("/oauth/token", data={"grant_type": "client_credentials"})
    client.post("/api/auth/sign-in/email", json={"email": "nobody@example.com", "password": "not-the-password"})
    wait_until(lambda: "status_list_age_seconds" in scrape(stack, "todo"))
    wait_until(lambda: scrape(stack, "worker")["auth_duty_performed_timestamp_seconds"] == {"duty"})
    return {job: scrape(stack, process) for job, process in JOBS.items()} | {CERTIFICATE: certificate_metrics(folder)}


def certificate_metrics(folder: Path) -> Exposed:
    """What deploy/compose/certificate_metrics.py exposes about a server with a certificate of 397 days."""
    authority = [sys.executable, str(ROOT / "deploy/authority.py"), str(folder), str(folder), "localhost"]
    subprocess.run(authority, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "gateway.crt", folder / "gateway.key")
    port = free_port()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = ROOT / "deploy/compose/certificate_metrics.py"
        command = [sys.executable, "-I", str(script), "127.0.0.1", str(server.server_address[1]), str(port)]
        with subprocess.Popen(command) as process:
            try:
                wait_until(lambda: is_listening(port))
                text = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
            finally:
                process.terminate()
                server.shutdown()
    days = float(text.split()[-1]) / 86400
    assert 396 < days < 398
    return parsed(text)


def is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def scrape(stack: Stack, process: str) -> Exposed:
    return parsed(
        httpx2.get(f"http://127.0.0.1:{stack.running['metrics_ports'][process]}/metrics", trust_env=False).text
    )


def parsed(text: str) -> Exposed:
    found: Exposed = {}
    for family in text_string_to_metric_families(text):
        for suffix in SAMPLES[family.type]:
            name = family.name + suffix
            found[name] = {label for sample in family.samples if sample.name == name for label in sample.labels}
    return found


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expression_asks_for_what_is_exposed(name: str, exposed: dict[str, Exposed]) -> None:
    known = set(OF_PROMETHEUS)
    for selector in selectors(EXPRESSIONS[name]):
        if selector.metric == "up":
            assert selector.jobs in JOBS
            continue
        asked = [each for each in exposed if selector.jobs is None or each in selector.jobs.split("|")]
        labels = [exposed[job][selector.metric] for job in asked if selector.metric in exposed[job]]
        assert labels, f"none of {asked} exposes {selector.metric}"
        assert all(selector.labels <= each | OF_PROMETHEUS for each in labels), selector
        known |= set().union(*labels)
    assert kept_labels(EXPRESSIONS[name]) <= known


def test_what_the_issue_names_raises_an_alarm() -> None:
    rules = {rule["alert"]: rule for rule in alerts()}
    assert {
        *("IssuerDown", "ErrorRatio", "SigningKeyOverdue", "StatusListStaleAtVerifier"),
        *("OutboxGrows", "RefreshTokenReuse", "SignInFailures", "DatabasePoolExhausted"),
    } <= rules.keys()
    for rule in rules.values():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]


def test_prometheus_asks_each_process_and_reads_the_rules() -> None:
    asked = yaml.safe_load((FOLDER / "prometheus.yaml").read_text(encoding="utf-8"))
    found = {each["job_name"]: each["dns_sd_configs"] for each in asked["scrape_configs"]}
    jobs = (*JOBS, CERTIFICATE)
    assert found == {job: [{"names": [job], "type": "A", "port": 9464, "refresh_interval": "5s"}] for job in jobs}
    assert asked["rule_files"] == ["alerts.yaml"]


def test_dashboards_have_names_of_their_own_and_one_source() -> None:
    [source] = yaml.safe_load((FOLDER / "datasources.yaml").read_text(encoding="utf-8"))["datasources"]
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("dashboards/*.json"))]
    assert len({board["uid"] for board in boards}) == len(boards) == 2
    for board in boards:
        assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
        titles = [panel["title"] for panel in board["panels"]]
        assert len(titles) == len(set(titles))


def test_collector_pipeline_uses_what_is_configured() -> None:
    config = yaml.safe_load((FOLDER / "collector.yaml").read_text(encoding="utf-8"))
    for pipeline in config["service"]["pipelines"].values():
        for kind, names in pipeline.items():
            assert set(names) <= config[kind].keys()


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    """The overlay as the engine's own parser reads it."""
    if shutil.which("docker") is None:
        absent("docker compose is not installed")
    command = ["docker", "compose", "-f", "compose.yaml", "-f", str(OVERLAY), "config", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def test_of_what_is_added_only_prometheus_is_on_a_network_with_a_service(composed: dict[str, Any]) -> None:
    networks = {name: set(service.get("networks") or {}) for name, service in composed["services"].items()}
    added = yaml.safe_load(OVERLAY.read_text(encoding="utf-8"))
    assert {name for name, joined in networks.items() if "metrics" in joined} == {*JOBS, "prometheus"}
    assert networks["prometheus"] == {"metrics", "dashboards", "operators"}
    assert networks["grafana"] == {"dashboards", "operators"}
    assert {name for name, joined in networks.items() if "traces" in joined} == {
        "auth-service",
        "todo-service",
        "collector",
    }
    assert {name for name in added["networks"] if not composed["networks"][name].get("internal")} == {"operators"}


@pytest.mark.parametrize("name", ["prometheus", "grafana", "collector"])
def test_what_is_added_is_a_version_confined_and_published_on_loopback_alone(
    name: str, composed: dict[str, Any]
) -> None:
    service = composed["services"][name]
    assert service["image"].rpartition(":")[2].removeprefix("v").count(".") == 2
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert service["read_only"]
    assert int(service["mem_limit"]) <= 512 * 2**20
    assert {port["host_ip"] for port in service.get("ports", [])} <= {"127.0.0.1"}


def test_what_is_mounted_is_there(composed: dict[str, Any]) -> None:
    for name in ("prometheus", "grafana", "collector"):
        for volume in composed["services"][name]["volumes"]:
            assert volume["type"] == "volume" or (ROOT / volume["source"]).exists(), volume


def test_the_guide_says_what_to_do_about_each_alert() -> None:
    guide = (
        (ROOT / "deploy/README.md").read_text(encoding="utf-8").partition("## Observability")[2].partition("\n## ")[0]
    )
    rows = re.findall(r"^\| (`.*?`) \|", guide, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(
        rule["alert"] for rule in alerts()
    )
