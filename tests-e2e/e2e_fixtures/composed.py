"""compose.yaml on a container engine, with a project, images and a port of the test's own. Nothing is left behind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, Checkout, ambient
from e2e_fixtures.stack import Stack

BASES = ("python:3.13-slim-trixie", "node:24-trixie-slim", "debian:trixie-slim", "postgres:17", "redis:8")
BUILT = ("gateway", "auth-service", "todo-service")
BUILD_TIMEOUT, TIMEOUT = 900, 600


@dataclass(frozen=True)
class Composed:
    """A running project, and the commands on it."""

    project: str
    environ: dict[str, str]
    stack: Stack

    def compose(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return _run("docker", "compose", *arguments, environ={**self.environ, **environ}, stdin=stdin)

    def containers(self) -> dict[str, dict[str, Any]]:
        """All containers by service, as the engine describes them; finished ones too."""
        ids = self.compose("ps", "--all", "--quiet").stdout.split()
        described: list[dict[str, Any]] = json.loads(docker("inspect", *ids))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in described}

    def backup(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run deploy/compose/backup.py on this project."""
        return _run(sys.executable, "deploy/compose/backup.py", *map(str, arguments), environ=self.environ)

    def script(self, commands: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run shell lines as an operator types them; the first that fails ends the script."""
        return _run("bash", "-euc", commands, environ={**self.environ, **environ}, timeout=BUILD_TIMEOUT)

    def image(self, name: str) -> str:
        return f"{self.environ['IMAGE_PREFIX']}/{name}:unreleased"

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        return self.compose("exec", "--no-TTY", service, *command)


def docker(*arguments: str) -> str:
    done = _run("docker", *arguments, environ=ambient())
    assert done.returncode == 0, done.stderr
    return done.stdout


def logged(container: str) -> str:
    """The container's stdout and stderr."""
    done = _run("docker", "logs", container, environ=ambient())
    return done.stdout + done.stderr


@contextmanager
def built_project(folder: Path, *overlays: str, scheme: str = "http", **settings: str) -> Iterator[Composed]:
    """A new project with its images built and nothing started; at the end everything of it is deleted.

    `folder` receives the authority's certificate.
    """
    _require_an_engine()
    project, environ = _environment(overlays, settings)
    environ["IMAGE_PREFIX"] = project
    _require_bases(environ)
    try:
        _succeed("build", "--quiet", environ=environ, timeout=BUILD_TIMEOUT)
        with _taken_away(folder, scheme, project, environ) as composed:
            yield composed
    finally:
        _run("docker", "image", "rm", "--force", *(f"{project}/{each}:unreleased" for each in BUILT), environ=environ)


@contextmanager
def another_project(
    built: Composed, folder: Path, *overlays: str, scheme: str = "http", **settings: str
) -> Iterator[Composed]:
    """A second project with the images of the first: nothing is built again and nothing is started."""
    project, environ = _environment(overlays, settings)
    environ["IMAGE_PREFIX"] = built.environ["IMAGE_PREFIX"]
    with _taken_away(folder, scheme, project, environ) as composed:
        yield composed


def _environment(overlays: Sequence[str], settings: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The project's name and its settings, with a port of its own."""
    port = free_port()
    project = f"identity-test-{port}"
    files = ["compose.yaml", *(f"deploy/compose/{each}.yaml" for each in overlays)]
    own = {"COMPOSE_PROJECT_NAME": project, "COMPOSE_FILE": os.pathsep.join(files), "GATEWAY_PORT": str(port)}
    return project, {**ambient(), **settings, **own}


@contextmanager
def _taken_away(folder: Path, scheme: str, project: str, environ: dict[str, str]) -> Iterator[Composed]:
    """The project; at the end its containers, networks and volumes are deleted."""
    port = int(environ["GATEWAY_PORT"])
    try:
        with ExitStack() as opened:
            running = {"url": f"{scheme}://localhost:{port}", "ports": {"gateway": port}}
            yield Composed(project, environ, Stack(Checkout(folder), running, opened))
    finally:
        _run("docker", "compose", "down", "--volumes", "--timeout=10", environ=environ)


@contextmanager
def started(built: Composed) -> Iterator[None]:
    """Start the project; at the end everything of it except its images is deleted."""
    try:
        _succeed("up", "--wait", "--quiet-pull", environ=built.environ)
        yield
    finally:
        _run("docker", "compose", "down", "--volumes", "--timeout=10", environ=built.environ)


def _succeed(*command: str, environ: dict[str, str], timeout: int = TIMEOUT) -> None:
    done = _run("docker", "compose", *command, environ=environ, timeout=timeout)
    if done.returncode != 0:
        logs = _run("docker", "compose", "logs", "--no-color", "--tail=20", environ=environ).stdout
        pytest.fail(f"docker compose {' '.join(command)}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}\n{logs}")


def _require_an_engine() -> None:
    if shutil.which("docker") is None:
        _no_engine("docker is not installed")
    if _run("docker", "compose", "version", environ=ambient()).returncode != 0:
        _no_engine("docker has no compose")
    if _run("docker", "version", "--format={{.Server.Version}}", environ=ambient()).returncode != 0:
        _no_engine("the container engine does not answer")


def _require_bases(environ: dict[str, str]) -> None:
    for image in BASES:
        if _run("docker", "image", "inspect", image, environ=environ).returncode == 0:
            continue
        if _run("docker", "pull", "--quiet", image, environ=environ).returncode != 0:
            _no_engine(f"{image} is not here, and no registry has it")


def _no_engine(reason: str) -> NoReturn:
    """Skip without a container engine, even in CI, because not every machine has one. Fail if .ci/run started one."""
    if os.environ.get("CONTAINER_ENGINE") == "expected":
        pytest.fail(reason)
    pytest.skip(reason)


def _run(
    *command: str, environ: dict[str, str], stdin: str = "", timeout: int = TIMEOUT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environ, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
    )
