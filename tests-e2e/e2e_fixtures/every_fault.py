"""The faults, one by one. bench/faults.py tries all of them, test_faults.py some."""

import os
import shutil
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.authority import certify

from e2e_fixtures.composed import docker
from e2e_fixtures.faults import MEANWHILE, NOTHING, UNDER_WAY, Fault
from e2e_fixtures.nodes import Nodes
from e2e_fixtures.waiting import wait_until

REPLICAS = ("auth-service-1", "auth-service-2", "todo-service-1", "todo-service-2")
HELD = 12.0  # seconds that a lasting fault is held: longer than every timeout inside the system
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
RELOAD = ("nginx", "-p", "/run/gateway", "-c", "nginx.conf", "-e", "stderr", "-s", "reload")
SERVE = {
    "auth-service": "exec auth-service serve --host 0.0.0.0 --port 8081",
    "todo-service": "exec todo-service serve --host 0.0.0.0 --port 8082",
}

Strike = Callable[[Nodes], AbstractContextManager[None]]


def at_once(act: Callable[[Nodes], None]) -> Strike:
    """A fault that is over as soon as the act is done."""

    @contextmanager
    def strike(nodes: Nodes) -> Iterator[None]:
        act(nodes)
        yield

    return strike


def for_a_while(begin: Callable[[Nodes], AbstractContextManager[object]], seconds: float = HELD) -> Strike:
    @contextmanager
    def strike(nodes: Nodes) -> Iterator[None]:
        with begin(nodes):
            time.sleep(seconds)
            yield

    return strike


def killed(node: str, may_cost: str = UNDER_WAY) -> Fault:
    return Fault(f"{node} killed", at_once(lambda nodes: nodes.kill(node)), may_cost)


def cut(ones: Sequence[str], others: Sequence[str], may_cost: str = NOTHING, *, unknowing: bool = False) -> Fault:
    @contextmanager
    def begin(nodes: Nodes) -> Iterator[None]:
        with ExitStack() as opened:
            for one in ones:
                for other in others:
                    opened.enter_context(nodes.cut(one, other))
            yield

    return Fault(f"{_all(ones)} and {_all(others)} cut apart", for_a_while(begin), may_cost, unknowing, _NETWORKS)


def _all(nodes: Sequence[str]) -> str:
    services = dict.fromkeys(node.rpartition("-")[0] for node in nodes)
    return nodes[0] if len(nodes) == 1 else f"each {' and '.join(services)}"


def unplugged(node: str, network: str, may_cost: str, seconds: float = HELD) -> Fault:
    strike = for_a_while(lambda nodes: nodes.unplugged(node, network), seconds)
    return Fault(f"{node} unplugged from {network}", strike, may_cost)


def slowed(node: str) -> Fault:
    rate = "512kbit"
    return Fault(
        f"{node} sends at {rate}/s", for_a_while(lambda nodes: nodes.slowed(node, rate)), NOTHING, needs=_NETWORKS
    )


def clock_off(service: str, offset: str) -> Fault:
    environ = {"LD_PRELOAD": "/faketime.so", "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    options = [f"--env={name}={value}" for name, value in environ.items()]
    options += [f"--volume={FAKETIME}:/faketime.so:ro", service]
    return Fault(
        f"clock of one {service} {offset}",
        for_a_while(lambda nodes: nodes.replaced(service, *options)),
        needs=lambda: "" if FAKETIME.exists() else "libfaketime (Debian's package faketime) is not installed",
    )


def log_full(service: str) -> Fault:
    """One replica writes its stdout to a disk of 64 KiB."""

    @contextmanager
    def begin(nodes: Nodes) -> Iterator[None]:
        volume = f"{nodes.composed.project}-log"
        tmpfs = ["--opt=type=tmpfs", "--opt=device=tmpfs", "--opt=o=size=64k,uid=10001"]
        docker("volume", "create", "--driver=local", *tmpfs, volume)
        serve = f"{SERVE[service]} > /log/out 2>&1"
        try:
            with nodes.replaced(service, f"--volume={volume}:/log", "--entrypoint=sh", service, "-c", serve) as other:
                wait_until(lambda: "100%" in docker("exec", other, "df", "/log"), 60)
                yield
        finally:
            docker("volume", "rm", volume)

    return Fault(f"disk for the log of one {service} full", for_a_while(begin, 5))


def reload_gateway(nodes: Nodes) -> None:
    """Reload nginx; return when the new workers serve and the old ones have ended."""
    before = workers(nodes)
    done = nodes.composed.execute("gateway", *RELOAD)
    assert done.returncode == 0, done.stderr
    wait_until(lambda: not before & workers(nodes), 60)


def workers(nodes: Nodes) -> set[str]:
    shown = docker("top", nodes.name("gateway-1"), "-eo", "pid,args").splitlines()
    return {line.split()[0] for line in shown if "nginx: worker process" in line and "shutting down" not in line}


@dataclass(frozen=True)
class Certificates:
    """fullchain.pem and privkey.pem as an ACME client writes them, and their renewal."""

    authority: Path
    folder: Path

    def renew(self) -> None:
        for old in self.folder.iterdir() if self.folder.exists() else ():
            old.unlink()
        certify(self.authority, self.folder, ["localhost", "127.0.0.1", "::1"], now=datetime.now(UTC))
        (self.folder / "gateway.crt").rename(self.folder / "fullchain.pem")
        (self.folder / "gateway.key").rename(self.folder / "privkey.pem")


def renew_certificate(nodes: Nodes) -> None:
    """Renew the certificate as the comment at the top of deploy/compose/tls.yaml says."""
    stack = nodes.composed.stack
    served = ssl.get_server_certificate(("127.0.0.1", stack.running["ports"]["gateway"]))
    folder = Path(nodes.composed.environ["TLS_FOLDER"])
    Certificates(stack.authority.parent, folder).renew()
    again = nodes.composed.compose("up", "--wait")
    assert again.returncode == 0, again.stderr
    reload_gateway(nodes)
    assert ssl.get_server_certificate(("127.0.0.1", stack.running["ports"]["gateway"])) != served


def _lacks_reach_into_networks() -> str:
    if os.geteuid() != 0:
        return "only root can change a container's network"
    missing = [name for name in ("nsenter", "iptables", "tc") if shutil.which(name) is None]
    return f"{', '.join(missing)} missing" if missing else ""


_NETWORKS = _lacks_reach_into_networks
RELOADED = Fault("nginx reloaded", at_once(reload_gateway))
REDIS_EMPTIED = Fault("Redis killed, which empties it", at_once(lambda nodes: nodes.kill("redis-1")))
ROLLED = Fault(
    "both services and the worker restarted, one by one", at_once(lambda n: n.restart(*REPLICAS, "auth-worker-1"))
)
DATABASE_RESTARTED = Fault("PostgreSQL restarted", at_once(lambda nodes: nodes.restart("database-1")), MEANWHILE)
FAULTS = (
    *map(killed, (*REPLICAS, "auth-worker-1")),
    killed("gateway-1", MEANWHILE),
    killed("database-1", MEANWHILE),
    ROLLED,
    DATABASE_RESTARTED,
    # A sign-out that is answered with 200 meanwhile must have been stored: the load asks for its token afterwards.
    Fault("PostgreSQL stopped", for_a_while(lambda nodes: nodes.stopped("database-1")), MEANWHILE),
    REDIS_EMPTIED,
    Fault("Redis stopped", for_a_while(lambda nodes: nodes.stopped("redis-1"))),
    cut(REPLICAS, ["redis-1"]),
    cut(["gateway-1"], ["auth-service-1"]),
    cut(["gateway-1"], ["todo-service-1"]),
    cut(["auth-service-1"], ["database-1"], MEANWHILE),
    cut(["todo-service-1"], ["database-1"], MEANWHILE),
    cut(["todo-service-1", "todo-service-2"], ["auth-service-1", "auth-service-2"], unknowing=True),
    cut(["auth-worker-1"], ["database-1"]),
    cut(["auth-worker-1"], ["todo-service-1", "todo-service-2"]),
    unplugged("todo-service-1", "inside", UNDER_WAY),
    unplugged("database-1", "todo-database", MEANWHILE),
    *map(slowed, ("gateway-1", "auth-service-1", "todo-service-1", "database-1")),
    *(log_full(service) for service in SERVE),
    *(clock_off(service, offset) for service in SERVE for offset in ("+30s", "-30s")),
    RELOADED,
    Fault("certificate renewed", at_once(renew_certificate)),
)
