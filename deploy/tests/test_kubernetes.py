"""The Kubernetes manifests, rendered and checked offline: by the API schemas, and by the promises of SECURITY.md."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from gateway.__main__ import parse

KUBERNETES = Path(__file__).parents[1] / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
KUBERNETES_VERSION = "1.37"
CUSTOM = ("gateway.networking.k8s.io/v1",)  # not part of the API itself, so there is no schema to check against

Manifest = dict[str, Any]


@functools.cache
def render(folder: str) -> tuple[Manifest, ...]:
    kubectl = Path(sys.executable).parent / "kubectl"
    command = [str(kubectl), "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return tuple(yaml.safe_load_all(done.stdout))


def overlay(name: str) -> tuple[Manifest, ...]:
    return render(f"overlays/{name}")


def of_kind(manifests: tuple[Manifest, ...], *kinds: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] in kinds]


def pods(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    """The specification of every pod, by the name of the Deployment or Job that makes it."""
    return {each["metadata"]["name"]: each["spec"]["template"] for each in of_kind(manifests, "Deployment", "Job")}


BASE_PODS = sorted(pods(render("base")))
DEPLOYMENTS = ["auth-service", "gateway", "todo-service"]


@pytest.mark.process
@pytest.mark.parametrize("name", OVERLAYS)
def test_overlay_is_what_the_api_takes(name: str) -> None:
    for manifest in overlay(name):
        if manifest["apiVersion"] not in CUSTOM:
            kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
        assert manifest["metadata"].get("namespace", "identity") == "identity"


@pytest.mark.parametrize("component", ["http-route", "ingress"])
def test_way_in_leads_to_the_gateway(component: str) -> None:
    [manifest] = yaml.safe_load_all((KUBERNETES / "components" / component / f"{component}.yaml").read_text())
    services = {each["metadata"]["name"]: each for each in of_kind(render("base"), "Service")}
    backend = (
        manifest["spec"]["rules"][0]["backendRefs"][0]
        if component == "http-route"
        else manifest["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    )
    assert backend["name"] == "gateway"
    [port] = services["gateway"]["spec"]["ports"]
    assert backend["port"] in (port["port"], {"name": port["name"]})


@pytest.mark.process
def test_component_for_several_processes_keeps_the_image_s_command(tmp_path: Path) -> None:
    """It replaces the arguments of the image, which it has to repeat."""
    (tmp_path / "kustomization.yaml").write_text(
        f"resources: [{os.path.relpath(KUBERNETES / 'base', tmp_path)}]\n"
        f"components: [{os.path.relpath(KUBERNETES / 'components/workers', tmp_path)}]\n"
    )
    made = pods(render(os.path.relpath(tmp_path, KUBERNETES)))
    for name in ("auth-service", "todo-service"):
        dockerfile = (KUBERNETES.parents[1] / name / "Dockerfile").read_text(encoding="utf-8")
        [command] = re.findall(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)
        overlay_ = yaml.safe_load((KUBERNETES.parent / "compose/workers.yaml").read_text(encoding="utf-8"))
        of_compose = overlay_["services"][name]["command"]
        [container] = made[name]["spec"]["containers"]
        assert container["args"] == [*yaml.safe_load(command), "--workers", "2"]
        assert of_compose == [*yaml.safe_load(command), "--workers", "${WORKERS:-2}"]


class TestPods:
    @pytest.mark.parametrize("name", BASE_PODS)
    def test_keep_to_the_restricted_standard(self, name: str) -> None:
        """kubernetes.io/docs/concepts/security/pod-security-standards, and a read-only root file system."""
        spec = pods(render("base"))[name]["spec"]
        assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"]) == (True, 10001)
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"configMap", "emptyDir", "secret"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }

    @pytest.mark.parametrize("name", BASE_PODS)
    def test_are_given_no_account_and_no_foreign_settings(self, name: str) -> None:
        """Kubernetes would add AUTH_SERVICE_PORT and GATEWAY_SERVICE_HOST: unknown settings, which stop a start."""
        spec = pods(render("base"))[name]["spec"]
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)

    @pytest.mark.parametrize("name", BASE_PODS)
    def test_get_the_memory_that_they_may_have_and_all_the_processor_there_is(self, name: str) -> None:
        for container in pods(render("base"))[name]["spec"]["containers"]:
            limits, requests = container["resources"]["limits"], container["resources"]["requests"]
            assert limits == {"memory": requests["memory"]}
            assert requests["cpu"]

    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_are_asked_how_they_are_and_given_time_to_end(self, name: str) -> None:
        spec = pods(render("base"))[name]["spec"]
        [container] = spec["containers"]
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
        drain = 25 if name == "gateway" else 20  # GATEWAY_SHUTDOWN_TIMEOUT; uvicorn's
        assert spec["terminationGracePeriodSeconds"] > drain + container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert {each["topologyKey"] for each in spec["topologySpreadConstraints"]} == {
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        }

    @pytest.mark.parametrize("name", BASE_PODS)
    def test_no_secret_is_an_environment_variable(self, name: str) -> None:
        for container in pods(render("base"))[name]["spec"]["containers"]:
            assert "secretRef" not in str(container.get("envFrom"))
            assert "secretKeyRef" not in str(container.get("env"))


class TestTogether:
    @pytest.mark.parametrize("name", DEPLOYMENTS)
    def test_deployment_has_a_service_a_budget_and_a_scale(self, name: str) -> None:
        manifests = render("base")
        labels = pods(manifests)[name]["metadata"]["labels"]
        [container] = pods(manifests)[name]["spec"]["containers"]
        for kind in ("Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ServiceAccount"):
            [found] = [each for each in of_kind(manifests, kind) if each["metadata"]["name"] == name]
            selector = found.get("spec", {}).get("selector", {})
            assert selector.get("matchLabels", selector).items() <= labels.items(), kind
            if kind == "Service":
                ports = {each["name"]: each["containerPort"] for each in container["ports"]}
                assert all(ports[each["targetPort"]] == each["port"] for each in found["spec"]["ports"])
            if kind == "HorizontalPodAutoscaler":
                assert found["spec"]["scaleTargetRef"]["name"] == name
                assert found["spec"]["minReplicas"] >= 2

    @pytest.mark.parametrize("name", BASE_PODS)
    def test_pod_may_talk_only_to_whom_a_policy_names(self, name: str) -> None:
        policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(render("base"), "NetworkPolicy")}
        assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        labels = pods(render("base"))[name]["metadata"]["labels"]
        assert [policy for policy, spec in policies.items() if spec["podSelector"] and selects(spec, labels)]

    def test_only_the_gateway_is_open_to_strangers(self) -> None:
        policies = of_kind(render("base"), "NetworkPolicy")
        rules = {each["metadata"]["name"]: each["spec"].get("ingress", []) for each in policies}
        assert [name for name, each in rules.items() if any("from" not in rule for rule in each)] == ["gateway"]

    def test_every_deployment_but_the_worker_is_one_of_those_above(self) -> None:
        """The worker serves no requests, so it needs no Service, budget or scale."""
        found = {each["metadata"]["name"] for each in of_kind(render("base"), "Deployment")}
        assert found == {*DEPLOYMENTS, "auth-worker"}

    def test_settings_of_the_gateway_are_settings(self) -> None:
        given = configuration("gateway")
        assert given
        given["GATEWAY_RESOLVER"] = "10.0.0.10"  # "system" would read the pod's resolver
        parse({"ISSUER": "https://id.example.com", **given})

    @pytest.mark.process
    @pytest.mark.parametrize("service", ["auth-service", "todo-service"])
    def test_settings_of_a_service_are_settings(self, service: str) -> None:
        """The service's README lists all settings; a test of the service checks that."""
        readme = (KUBERNETES.parents[1] / service / "README.md").read_text(encoding="utf-8")
        for name in configuration(service, "overlays/production"):
            assert re.search(rf"`{name.removesuffix('_FILE')}`", readme), name

    @pytest.mark.process
    def test_production_counts_in_a_redis_outside_and_one_node_needs_none(self) -> None:
        """Its URL, with the password, is a file, and only the two services can reach it."""
        for service in ("auth", "todo"):
            name = f"{service.upper()}_REDIS_URL_FILE"
            assert (
                configuration(f"{service}-service", "overlays/production")[name] == f"/run/secrets/{service}_redis_url"
            )
            assert name not in configuration(f"{service}-service", "overlays/single-node")
        manifests = overlay("production")
        reach = [
            pod
            for pod, template in pods(manifests).items()
            for each in of_kind(manifests, "NetworkPolicy")
            if selects(each["spec"], template["metadata"]["labels"])
            and any(port["port"] == 6379 for rule in each["spec"].get("egress", []) for port in rule.get("ports", []))
        ]
        assert sorted(reach) == ["auth-service", "todo-service"]

    def test_only_the_worker_reaches_mail_servers_and_receivers_of_events(self) -> None:
        mail = yaml.safe_load((KUBERNETES / "components/mail/network-policy.yaml").read_text(encoding="utf-8"))
        kubernetes_validate.validate(mail, KUBERNETES_VERSION, strict=True)
        templates = pods(render("base"))
        reach = [name for name, each in templates.items() if selects(mail["spec"], each["metadata"]["labels"])]
        assert reach == ["auth-worker"]
        assert [port["port"] for port in mail["spec"]["egress"][0]["ports"]] == [25, 465, 587]
        policies = {each["metadata"]["name"]: each["spec"] for each in of_kind(render("base"), "NetworkPolicy")}
        assert [port["port"] for rule in policies["account-events"]["egress"] for port in rule["ports"]] == [8082, 443]

    @pytest.mark.process
    def test_production_names_a_version_of_every_image(self) -> None:
        images = {pod["spec"]["containers"][0]["image"] for pod in pods(overlay("production")).values()}
        assert len(images) == 3
        assert [image for image in images if not re.fullmatch(r"registry\.example\.com/.+:\d+\.\d+\.\d+", image)] == []

    @pytest.mark.process
    def test_single_node_has_one_of_each_and_nothing_that_keeps_two(self) -> None:
        assert of_kind(overlay("single-node"), "HorizontalPodAutoscaler", "PodDisruptionBudget") == []
        assert {each["spec"].get("replicas", 1) for each in of_kind(overlay("single-node"), "Deployment")} == {1}


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, ...]:
    folder = tmp_path_factory.mktemp("kustomize").resolve()
    base, component = (os.path.relpath(KUBERNETES / each, folder) for each in ("base", "components/metrics"))
    (folder / "kustomization.yaml").write_text(f"resources: [{base}]\ncomponents: [{component}]\n", encoding="utf-8")
    return render(str(folder))


class TestMetrics:
    """The component that lets Prometheus reach the metrics ports."""

    @pytest.mark.process
    @pytest.mark.parametrize("name", ["auth-service", "auth-worker", "todo-service"])
    def test_prometheus_alone_reaches_each_process(self, name: str, monitored: tuple[Manifest, ...]) -> None:
        pod = pods(monitored)[name]
        [container] = pod["spec"]["containers"]
        assert {"name": "metrics", "containerPort": 9464} in container["ports"]
        [monitor] = of_kind(monitored, "PodMonitor")
        assert selects({"podSelector": monitor["spec"]["selector"]}, pod["metadata"]["labels"])
        assert [each["port"] for each in monitor["spec"]["podMetricsEndpoints"]] == ["metrics"]
        policies = [
            each
            for each in of_kind(monitored, "NetworkPolicy")
            for rule in each["spec"].get("ingress", [])
            if 9464 in [port["port"] for port in rule["ports"]]
        ]
        [policy] = policies
        kubernetes_validate.validate(policy, KUBERNETES_VERSION, strict=True)
        assert selects(policy["spec"], pod["metadata"]["labels"])
        [allowed] = policy["spec"]["ingress"][0]["from"]
        assert allowed["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
        assert "namespaceSelector" in allowed

    @pytest.mark.process
    def test_jobs_have_the_names_that_rules_ask_for(self, monitored: tuple[Manifest, ...]) -> None:
        [monitor] = of_kind(monitored, "PodMonitor")
        label = monitor["spec"]["jobLabel"]
        [chosen] = monitor["spec"]["selector"]["matchExpressions"]
        asked = yaml.safe_load((KUBERNETES.parent / "observability/prometheus.yaml").read_text(encoding="utf-8"))
        assert label == chosen["key"]
        names = [each["job_name"] for each in asked["scrape_configs"]]
        assert chosen["values"] == [name for name in names if name != "gateway-certificate"]  # TLS ends elsewhere here


def selects(spec: Manifest, labels: dict[str, str]) -> bool:
    selector = spec["podSelector"]
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in selector.get("matchExpressions", [])
    )


def configuration(service: str, folder: str = "base") -> dict[str, str]:
    """The content of its ConfigMap."""
    [found] = [
        each
        for each in of_kind(render(folder), "ConfigMap")
        if re.fullmatch(rf"{service}-\w+", each["metadata"]["name"])
    ]
    data: dict[str, str] = found["data"]
    return data
