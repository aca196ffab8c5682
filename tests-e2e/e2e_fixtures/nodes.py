"""The containers of a composed system by name, and ways to disturb them."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from e2e_fixtures.composed import Composed, docker
from e2e_fixtures.waiting import wait_until

HEALTHY = 300  # seconds until a container is healthy, at most, on a busy machine
KILL_ALL = "kill -9 -1"  # the shell's built-in: kills all except itself and process 1, which then ends by itself


@dataclass(frozen=True)
class Nodes:
    composed: Composed

    def name(self, node: str) -> str:
        """The container's name; the node "todo-service-2" is that service's second replica."""
        return f"{self.composed.project}-{node}"

    def state(self, node: str) -> dict[str, Any]:
        described: dict[str, Any] = json.loads(docker("inspect", self.name(node)))[0]
        return described

    def is_healthy(self, node: str) -> bool:
        state = self.state(node)["State"]
        return bool(state["Running"] and state.get("Health", {}).get("Status") == "healthy")

    def wait_until_healthy(self, *nodes: str) -> None:
        wait_until(lambda: all(map(self.is_healthy, nodes)), HEALTHY)

    def kill(self, node: str) -> None:
        """Send SIGKILL to every process in it, as the kernel does when memory runs out. The engine restarts it."""
        begun = self.state(node)["State"]["StartedAt"]
        kill = ["docker", "exec", self.name(node), "sh", "-c", KILL_ALL]
        subprocess.run(kill, capture_output=True, check=False, timeout=60)  # the kill ends this command too
        wait_until(lambda: self.state(node)["State"]["StartedAt"] != begun, HEALTHY)
        self.wait_until_healthy(node)

    def restart(self, *nodes: str) -> None:
        """Restart the nodes one by one, as an upgrade does: SIGTERM, time for open requests, start, wait for health."""
        for node in nodes:
            docker("restart", "--time=30", self.name(node))
            self.wait_until_healthy(node)

    def addresses(self, node: str) -> set[str]:
        networks = self.state(node)["NetworkSettings"]["Networks"].values()
        return {network["IPAddress"] for network in networks if network["IPAddress"]}

    def within(self, node: str, *command: str) -> str:
        """Run a program of this machine in a container's network."""
        pid = self.state(node)["State"]["Pid"]
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", *command]
        done = subprocess.run(inside, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def cut(self, one: str, other: str) -> Iterator[None]:
        """Drop all packets between two containers, without an error to either of them."""
        rules = [
            rule
            for address in sorted(self.addresses(other))
            for rule in (("INPUT", "-s", address), ("OUTPUT", "-d", address))
        ]
        with ExitStack() as mended:
            for rule in rules:
                self.within(one, "iptables", "-I", *rule, "-j", "DROP")
                mended.callback(self.within, one, "iptables", "-D", *rule, "-j", "DROP")
            yield

    @contextmanager
    def unplugged(self, node: str, network: str) -> Iterator[None]:
        """Disconnect the container from a network within the block, and connect it again with its names."""
        full = f"{self.composed.project}_{network}"
        names = self.state(node)["NetworkSettings"]["Networks"][full]["Aliases"]
        docker("network", "disconnect", full, self.name(node))
        try:
            yield
        finally:
            docker("network", "connect", *(f"--alias={each}" for each in names), full, self.name(node))
            self.wait_until_healthy(node)

    @contextmanager
    def stopped(self, node: str) -> Iterator[None]:
        docker("stop", "--time=30", self.name(node))
        try:
            yield
        finally:
            docker("start", self.name(node))
            self.wait_until_healthy(node)

    @contextmanager
    def slowed(self, node: str, rate: str) -> Iterator[None]:
        """Limit what the container sends to `rate` on each of its networks, within the block."""
        devices = re.findall(r"^\d+: (eth\d+)@", self.within(node, "ip", "-o", "link"), re.MULTILINE)
        assert devices
        with ExitStack() as mended:
            for device in devices:
                self.within(node, "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", rate,
                            "burst", "3kb", "latency", "300ms")  # fmt: skip
                mended.callback(self.within, node, "tc", "qdisc", "del", "dev", device, "root")
            yield

    @contextmanager
    def replaced(self, service: str, *options: str) -> Iterator[str]:
        """Replace the service's second replica by `docker compose run` with `options`, within the block."""
        with self.stopped(f"{service}-2"), self.instead(*options) as name:
            yield name

    @contextmanager
    def instead(self, *options: str) -> Iterator[str]:
        started = self.composed.compose("run", "--detach", "--no-deps", "--use-aliases", *options)
        assert started.returncode == 0, started.stderr
        name = started.stdout.strip().splitlines()[-1]
        try:
            wait_until(lambda: self._is_up(name), HEALTHY)
            yield name
        finally:
            docker("stop", "--time=30", name)
            docker("rm", "--force", name)

    def _is_up(self, container: str) -> bool:
        state = json.loads(docker("inspect", container))[0]["State"]
        assert state["Running"], docker("logs", "--tail=20", container)
        return bool(state["Health"]["Status"] == "healthy")
