#!/usr/bin/env python3
"""Upgrade a system that runs with compose.yaml while it serves, or replace its secrets.

    python3 deploy/compose/operate.py up                               build, migrate, replace what has changed
    python3 deploy/compose/operate.py up --no-build                    the same with images that are already there
    python3 deploy/compose/operate.py replace-secrets                  replace every secret that the installation made
    python3 deploy/compose/operate.py replace-secrets --sign-everybody-out    no older secret signs cookies any more

`docker compose up` replaces every container whose dependency has changed: databases too, and all replicas at once. `up`
here replaces only what has itself changed, and the services one replica after the other behind the gateway. If a step
fails, it shows the log of the container that failed, and the rest stays as it is. COMPOSE_PROJECT_NAME, COMPOSE_FILE
and the settings are read as by docker compose itself. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ROLLED = ("auth-service", "todo-service", "auth-worker")  # a new container first, then the old one ends
GATEWAY = "gateway"
PATIENCE = 240  # seconds until a container is healthy; the images' own start period is 180
GRACE = "30"  # seconds for requests in progress, as stop_grace_period in compose.yaml
# Read from the files that the container `database` has. The role of this session needs no password on the socket.
PASSWORDS = """
\\set auth `cat /run/secrets/auth_password`
\\set todo `cat /run/secrets/todo_password`
\\set todo_owner `cat /run/secrets/todo_owner_password`
\\set postgres `cat /run/secrets/postgres_password`
BEGIN;
ALTER ROLE auth PASSWORD :'auth';
ALTER ROLE todo PASSWORD :'todo';
ALTER ROLE todo_owner PASSWORD :'todo_owner';
ALTER ROLE postgres PASSWORD :'postgres';
COMMIT;
"""


class Refused(Exception):
    """An expected failure, with the message for the terminal."""


def up(*, builds: bool) -> None:
    check_settings()
    if builds:
        say("building the images")
        compose("build", "--quiet")
    services = described()
    for name in in_order(services):
        if services[name].get("restart") == "no":
            run_once(name)
        else:
            bring_up(name, services[name])
    say("everything runs and is healthy")


def described() -> dict[str, Any]:
    """The services as compose.yaml, the overlays and the settings describe them."""
    services: dict[str, Any] = json.loads(compose("config", "--format", "json"))["services"]
    return services


def in_order(services: dict[str, Any]) -> list[str]:
    """The services, each after those that it depends on."""
    done: list[str] = []

    def add(name: str) -> None:
        for other in sorted(services.get(name, {}).get("depends_on", {})):
            add(other)
        if name in services and name not in done:
            done.append(name)

    for name in sorted(services):
        add(name)
    return done


def run_once(name: str) -> None:
    """Run a container that does its work and ends. Raises Refused with its log."""
    for old in containers(name):
        docker("rm", "--force", old)
    [container] = create(name, 1)
    docker("start", container)
    code = docker("wait", container).strip()
    if code != "0":
        raise Refused(f"{name} ended with {code}:\n{log_of(container)}")


def bring_up(name: str, service: dict[str, Any]) -> None:
    """Start the containers that are missing, and replace those that have changed, one after the other."""
    wanted = max(len(containers(name)), service.get("deploy", {}).get("replicas", 1))
    create(name, wanted)
    for container in containers(name):
        docker("start", container)
    for container in containers(name):
        wait_until_healthy(name, container)
    for container in containers(name):
        if has_changed(container, name, service["image"]):
            replace(name, container, wanted)


def replace(name: str, old: str, count: int) -> None:
    """Raises Refused if the new container does not become healthy; the old one serves on."""
    say(f"{name}: {old[:12]} is replaced")
    [new] = create(name, count + 1)
    try:
        if name not in ROLLED:
            docker("stop", "--time", GRACE, old)
        docker("start", new)
        wait_until_healthy(name, new)
    except Refused:
        docker("rm", "--force", new)
        docker("start", old)
        raise
    docker("stop", "--time", GRACE, old)
    docker("rm", old)


def create(name: str, count: int) -> list[str]:
    """Create containers, without starting them, until there are `count`. Returns the new ones.

    `docker compose create` and not `up --no-deps`: that would note another hash of the settings on the container, and
    the next `docker compose up` would replace it.
    """
    before = containers(name)
    compose("create", "--no-recreate", "--scale", f"{name}={count}", name)
    return [each for each in containers(name) if each not in before]


def wait_until_healthy(name: str, container: str) -> None:
    """Raises Refused, with the container's log, if it ends, becomes unhealthy or takes longer than PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
        health = state.get("Health", {}).get("Status", "healthy")
        if state["Status"] == "running" and health == "healthy":
            return
        if state["Status"] != "running" or health == "unhealthy":
            break
        time.sleep(0.5)
    raise Refused(f"{name} does not become healthy. Its log ends with:\n{log_of(container)}")


def has_changed(container: str, name: str, image: str) -> bool:
    """Whether the container's image or settings differ from what compose.yaml now says.

    A gateway whose image has only another name or other labels stays: it alone holds the published port, so replacing
    it interrupts everything for a moment.
    """
    [found], [now] = json.loads(docker("inspect", container)), json.loads(docker("image", "inspect", image))
    was, hashed = found["Config"]["Image"], found["Config"]["Labels"]["com.docker.compose.config-hash"]
    if name == GATEWAY:
        [then] = json.loads(docker("image", "inspect", found["Image"]))
        return bool(content(then) != content(now) or hashed != hash_of(name, {"services": {name: {"image": was}}}))
    return bool(found["Image"] != now["Id"] or hashed != hash_of(name))


def hash_of(name: str, *overrides: object) -> str:
    """The hash of the service's settings that docker compose notes on a container."""
    with tempfile.TemporaryDirectory() as folder:
        files = (os.environ.get("COMPOSE_FILE") or own_setting("COMPOSE_FILE") or "compose.yaml").split(os.pathsep)
        for override in overrides:
            files.append(str(Path(folder) / "override.yaml"))
            Path(files[-1]).write_text(json.dumps(override), encoding="utf-8")  # JSON is YAML
        return compose("config", "--hash", name, COMPOSE_FILE=os.pathsep.join(files)).split()[-1]


def content(image: dict[str, Any]) -> object:
    """What an image consists of, without its labels."""
    return image["RootFS"], {key: value for key, value in image["Config"].items() if key not in ("Labels", "Image")}


def replace_secrets(*, signs_everybody_out: bool) -> None:
    """Make all secrets anew, tell both sides of each, and drop the old ones.

    Files come first, so that a run that was interrupted is repaired by the next one: it begins from the start.
    """
    services = described()
    secrets("replace")
    if signs_everybody_out:
        secrets("sign-out")
    if "database" in services:
        say("PostgreSQL's passwords")
        psql = ("psql", "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1")
        compose("exec", "-T", "database", *psql, given=PASSWORDS)
    if "redis" in services:
        say("Redis' passwords")
        restart("redis")
    say("todo-service's secret at auth-service")
    run_once("auth-provisioning")
    # All at once: a process that does not know the new secret takes the others' cookies for forged.
    say("auth-service starts anew")
    restart("auth-service", "auth-worker")
    for container in containers("todo-service"):
        docker("restart", "--time", GRACE, container)
        wait_until_healthy("todo-service", container)
    say("signing keys under the new key-encryption key")
    compose("exec", "-T", "auth-service", "auth-service", "keys", "rewrap")
    secrets("forget")
    say("every secret is replaced; those that .env gives are as they were")


def restart(*names: str) -> None:
    """Restart all containers of these services together."""
    found = [(name, each) for name in names for each in containers(name)]
    docker("restart", "--time", GRACE, *(each for _, each in found))
    for name, container in found:
        wait_until_healthy(name, container)


def secrets(what: str) -> None:
    compose("run", "--rm", "--no-deps", "-T", "secrets", "/secrets", what)


def check_settings() -> None:
    """Raises Refused if the environment or .env has a setting that nothing reads."""
    file = ROOT / ".env"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = {found[1] for line in lines if (found := re.match(r"\s*(?:export\s+)?(\w+)\s*=", line))}
    environ = {**dict.fromkeys(names, "given"), **os.environ}
    command = [sys.executable, "-I", str(ROOT / "deploy/compose/check_settings.py"), str(ROOT / "compose.yaml")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - from here
    if done.returncode != 0:
        raise Refused(done.stderr.strip())


def own_setting(name: str) -> str:
    """The value that .env gives, as docker compose reads it."""
    file = ROOT / ".env"
    found = re.search(rf"^{name}=(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE) if file.exists() else None
    return found[1].strip("\"'") if found else ""


def containers(name: str) -> list[str]:
    return compose("ps", "--all", "--quiet", name).split()


def log_of(container: str) -> str:
    done = subprocess.run(["docker", "logs", "--tail", "20", container], capture_output=True, text=True, check=False)  # noqa: S603
    return (done.stdout + done.stderr).strip()


def compose(*arguments: str, given: str = "", **environ: str) -> str:
    return run("docker", "compose", *arguments, given=given, **environ)


def docker(*arguments: str) -> str:
    return run("docker", *arguments)


def run(*command: str, given: str = "", **environ: str) -> str:
    done = subprocess.run(  # noqa: S603 - from here
        command, cwd=ROOT, env={**os.environ, **environ}, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def say(what: str) -> None:
    print(what, flush=True)


def main(arguments: list[str]) -> int:
    verbs = {
        ("up",): lambda: up(builds=True),
        ("up", "--no-build"): lambda: up(builds=False),
        ("replace-secrets",): lambda: replace_secrets(signs_everybody_out=False),
        ("replace-secrets", "--sign-everybody-out"): lambda: replace_secrets(signs_everybody_out=True),
    }
    act = verbs.get(tuple(arguments))
    if act is None:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        act()
    except (Refused, OSError) as refused:
        print(f"operate.py: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
