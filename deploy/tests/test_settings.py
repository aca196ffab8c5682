"""Every setting reaches its service under Compose and on Kubernetes, and a name that is no setting stops the start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy.compose.check_settings import problems

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")
TABLES = {
    "auth-service": ("auth-service/README.md", "## Settings"),
    "todo-service": ("todo-service/README.md", "## Settings"),
    "gateway": ("gateway/README.md", "## Settings in a container"),
}
FROM_ISSUER = {"AUTH_ISSUER", "TODO_ISSUER"}


def rows(service: str) -> dict[str, str]:
    """The rows of the service's table of settings, by the names that they begin with."""
    file, heading = TABLES[service]
    section = (ROOT / file).read_text(encoding="utf-8").partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return {line.split("|")[1].strip(): line for line in section.splitlines() if line.startswith("| `")}


def names(service: str) -> set[str]:
    return {name for first in rows(service) for name in re.findall(r"`([A-Z_]+)`", first)}


def limits() -> dict[str, str]:
    text = (ROOT / "gateway/README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"`(GATEWAY_\w+_(?:RATE|BURST|CONNECTIONS)|GATEWAY_CONNECTIONS)=(\S+?)`", text))


def handed(service: str) -> set[str]:
    """The settings that compose.yaml hands to a service; those in files count under their own name."""
    services: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    handed = {*services[service]["environment"], *services["secrets"]["environment"]}
    return {name.removesuffix("_FILE") if name.removesuffix("_FILE") in handed else name for name in handed}


@pytest.mark.parametrize("service", TABLES)
def test_compose_hands_over_every_setting(service: str) -> None:
    assert names(service) - handed(service) == set()


def test_compose_hands_over_every_limit_of_the_gateway() -> None:
    assert limits().keys() - handed("gateway") == set()


@pytest.mark.parametrize("service", TABLES)
def test_what_the_image_sets_is_kept(service: str) -> None:
    """A variable that compose.yaml lists without a value is unset in the container, although the image sets it."""
    dockerfile = (ROOT / service / "Dockerfile").read_text(encoding="utf-8")
    environment = yaml.safe_load(COMPOSE)["services"][service]["environment"]
    for name, value in re.findall(r"\b((?:AUTH|TODO|GATEWAY)_\w+)=(\S+)", dockerfile):
        assert environment[name] == f"${{{name}:-{value}}}"


def test_secret_goes_to_a_file_and_to_no_lasting_container() -> None:
    services: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    for name in services["secrets"]["environment"]:
        assert name in names(f"{name.partition('_')[0].lower()}-service")
        holders = [each for each, service in services.items() if name in service.get("environment", {})]
        assert holders == ["secrets"], name


@pytest.mark.parametrize("service", TABLES)
def test_list_of_all_settings_has_every_row(service: str) -> None:
    """A link of the service's document leads from the list to the same place."""
    listed = (ROOT / "deploy/SETTINGS.md").read_text(encoding="utf-8").splitlines()
    own = {row.replace("](#", f"]({Path(TABLES[service][0]).name}#") for row in rows(service).values()}
    wanted = [row.replace("](", f"](../{service}/") for row in own]
    assert [row for row in wanted if row not in listed] == []


def test_list_of_all_settings_has_every_limit_and_nothing_else() -> None:
    listed = (ROOT / "deploy/SETTINGS.md").read_text(encoding="utf-8")
    assert [name for name, value in limits().items() if f"| `{name}` | `{value}` |" not in listed] == []
    named = set(re.findall(r"^\| `([A-Z_]+)`", listed, re.MULTILINE))
    assert named - {"ISSUER"} <= set.union(*map(names, TABLES)) | limits().keys()


@pytest.mark.parametrize(
    "name", ["AUTH_LOGLEVEL", "TODO_QUOTAS", "GATEWAY_API_RATES", "auth_log_level", "AUTH_SERVICE_PORT"]
)
def test_unknown_name_is_refused(name: str) -> None:
    [told] = problems({name, "PATH", "VERSION"}, COMPOSE)
    assert told.startswith(f"{name}: there is no such setting")


def test_misspelt_name_is_refused_with_the_right_one() -> None:
    assert problems({"AUTH_SESION_TTL"}, COMPOSE) == [
        "AUTH_SESION_TTL: there is no such setting; AUTH_SESSION_TTL is one"
    ]


@pytest.mark.parametrize("name", sorted(FROM_ISSUER))
def test_issuer_is_set_for_all_parts_at_once(name: str) -> None:
    assert problems({name}, COMPOSE) == [f"{name}: set ISSUER, which all parts read"]


def test_every_setting_is_known() -> None:
    everything = set.union(*map(names, TABLES)) | limits().keys() | {"GATEWAY_PORT", "GATEWAY_ADDRESS"}
    assert problems(everything - FROM_ISSUER, COMPOSE) == []


@pytest.mark.process
def test_container_that_checks_ends_with_an_error_and_the_reasons(tmp_path: Path) -> None:
    command = [sys.executable, "-I", str(ROOT / "deploy/compose/check_settings.py"), str(ROOT / "compose.yaml")]
    done = subprocess.run(command, env={"TODO_LIMIT": "1"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "TODO_LIMIT")
    assert subprocess.run(command, env={"TODO_QUOTA": "1"}, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("store", ["database", "redis"])
def test_store_elsewhere_is_reached_and_nothing_waits_for_its_container(store: str) -> None:
    """external-database.yaml and external-redis.yaml: the container is not started, its networks have a way out."""
    overlay = yaml.safe_load((ROOT / f"deploy/compose/external-{store}.yaml").read_text(encoding="utf-8"))
    compose = yaml.safe_load(COMPOSE)
    assert [*overlay["services"]] == [store]
    assert overlay["services"][store]["profiles"]
    for name, service in compose["services"].items():
        waiting = service.get("depends_on", {}).get(store)
        assert waiting is None or waiting["required"] is False, name
    assert overlay["networks"] == {each: {"internal": False} for each in compose["services"][store]["networks"]}
