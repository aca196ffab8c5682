"""The verb `up`: set everything up, start it in order, wait until it is ready, watch it, and stop it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deploy.local import demo, inbox, tls, web
from deploy.local.packages import find_nginx, python
from deploy.local.ports import LOOPBACK, check_port, choose_port, loopback_addresses
from deploy.local.processes import Child, Supervisor, answers, clear_leftovers
from deploy.local.progress import printable
from deploy.local.provisioning import provision
from deploy.local.services import SERVICES, System, mail_folder, migrate, service_command
from deploy.local.state import LOGS, ROOT, STATE, lock, open_log, read_running
from deploy.local.waiting import Interrupted, Refused, pause
from gateway import nginx, render
from gateway.limits import Limits
from gateway.settings import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


MOST_WORKERS = 64


def up_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py up", description="Install what is missing and run everything.")
    parser.add_argument("--detach", action="store_true", help="return when everything is ready; `down` stops it")
    parser.add_argument(
        "--port",
        type=int,
        default=8080,
        metavar="N",
        help="port of the gateway (default 8080); services take N+1 to N+3, metrics N+5 to N+7, mails N+8",
    )
    parser.add_argument("--listen", metavar="ADDRESS", help="listen there too; ISSUER is the origin that others use")
    parser.add_argument("--tls", action="store_true", help="https, with a certificate of this folder's own authority")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="serving processes of each service (default 1)"
    )
    parser.add_argument("--no-gateway", action="store_true", help="start the services without the gateway (nginx)")
    parser.add_argument("--no-limits", action="store_true", help="no rate limit and no lockout; on loopback only")
    parser.add_argument("--demo", action="store_true", help="add a person with todos, and a second frontend")
    options = parser.parse_args(arguments)
    if not 0 < options.port < 65536:
        parser.error("--port takes a number from 1 to 65535")
    if not 0 < options.workers <= MOST_WORKERS:
        parser.error(f"--workers takes a number from 1 to {MOST_WORKERS}")
    if options.tls and options.no_gateway:
        parser.error("--tls needs the gateway: it cannot be combined with --no-gateway")
    if options.demo and (options.tls or options.no_gateway):
        parser.error("--demo needs the gateway on http: it cannot be combined with --tls or --no-gateway")
    return options


def origin(default: str) -> str:
    """The issuer: ISSUER from the environment, or else the address that we listen on."""
    issuer = os.environ.get("ISSUER") or os.environ.get("AUTH_ISSUER") or default
    parts = urlsplit(issuer)
    if parts.scheme not in ("http", "https") or issuer != f"{parts.scheme}://{parts.netloc}" or not parts.hostname:
        raise Refused(f"ISSUER is {issuer!r}, but must be an origin like https://id.example.com, without a path.")
    return issuer


def up(arguments: Sequence[str]) -> int:
    """install what is missing and run everything; up --help lists its options"""
    options = up_options(arguments)
    with lock("up.lock", wait=False) as alone:
        if alone and not options.detach:
            return supervise(options)
    if not alone:
        return already_up(options)
    python()
    if not options.no_gateway:
        find_nginx()
    os.environ.setdefault("TODO_WEB_FOLDER", str(web_folder() or ""))  # so the detached process does not build it
    return detach(arguments)


def web_folder() -> Path | None:
    """The folder of the built web application, or None if it cannot be built; everything else runs without it."""
    if "TODO_WEB_FOLDER" in os.environ:
        return None  # the user's own folder is used
    try:
        return web.build()
    except Refused as refused:
        print(f"The web application cannot be built; everything else starts. {refused}", file=sys.stderr)
    return None


def already_up(options: argparse.Namespace) -> int:
    """Another run.py holds the lock: wait until it is ready, and print its address."""
    while not (running := read_running()).get("ready"):
        with lock("up.lock", wait=False) as alone:
            if alone:
                raise Refused("The other run.py, which was starting, has just stopped. Try again.")
        pause()
    if running["options"] != described(options):
        raise Refused(f"Already running at {running['url']} with other options. Stop it first: ./run.py down")
    print(f"Already running at {running['url']} (process {running['pid']}). ./run.py down stops it.")
    return 0


def described(options: argparse.Namespace) -> dict[str, Any]:
    """The options that are equal if two `up` mean the same system."""
    return {
        **{key: value for key, value in vars(options).items() if key != "detach"},
        "ISSUER": os.environ.get("ISSUER"),
    }


def detach(arguments: Sequence[str]) -> int:
    """Start a supervisor in the background, and return when everything is ready."""
    log = LOGS / "run.log"
    command = [sys.executable, str(ROOT / "run.py"), "up", *(each for each in arguments if each != "--detach")]
    with open_log(log) as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=ROOT, start_new_session=True
        )
    try:
        while process.poll() is None and not is_ready(process.pid):
            pause()
    except Interrupted:
        process.terminate()
        process.wait()
        raise
    print(printable(log.read_text(encoding="utf-8")), end="", file=sys.stderr if process.returncode else sys.stdout)
    if process.returncode is None:
        print("Running in the background. ./run.py down stops it.")
    return process.returncode or 0


def is_ready(pid: int) -> bool:
    running = read_running()
    return bool(running) and running["ready"] and running["pid"] == pid


def supervise(options: argparse.Namespace) -> int:
    clear_leftovers()
    gateway_port = None if options.no_gateway else options.port
    limits = None if options.no_limits else Limits.parse(os.environ)
    addresses = [] if options.no_gateway else listen_addresses(options)
    for address in addresses:
        check_port(address, options.port)
    auth_port = choose_port(options.port + 1)
    todo_port = choose_port(auth_port + 1)
    worker_port = choose_port(todo_port + 1)
    metrics = metrics_ports(options.port + 5)
    shown = demo.prepare(worker_port + 1) if options.demo else None
    if shown:
        shown.allow()
    url = f"{'https' if options.tls else 'http'}://localhost:{gateway_port or auth_port}"
    system = System(origin(url), auth_port, todo_port, limits is not None, web_folder())
    mails_port = choose_port(options.port + 8) if system.mail() else None
    if options.tls and urlsplit(system.issuer).scheme != "https":
        raise Refused(f"ISSUER is {system.issuer}, but with --tls the gateway answers https only.")
    url = system.issuer if gateway_port is None else url
    supervisor = Supervisor(
        {
            "url": url,
            "issuer": system.issuer,
            "options": described(options),
            "ports": {
                "gateway": gateway_port,
                "auth": auth_port,
                "todo": todo_port,
                "worker": worker_port,
                "mails": mails_port,
            },
            "metrics_ports": metrics,
        }
    )
    try:
        program = None if options.no_gateway else find_nginx()
        start_services(supervisor, system, worker_port, metrics, options.workers)
        if program:
            start_gateway(supervisor, system, program, Listening(addresses, options.port, options.tls), limits)
        if mails_port:
            start_inbox(supervisor, mails_port)
        announce(system, url, gateway_port, mails_port, options.tls)
        if shown:
            shown.start(supervisor, system, url)
        supervisor.watch()
    except Interrupted:
        if not supervisor.description["ready"]:
            raise
        print("\nStopping ...", flush=True)
        return 0
    finally:
        supervisor.stop()


def listen_addresses(options: argparse.Namespace) -> list[str]:
    """Loopback and the address of --listen; a wildcard includes the loopback address of its family."""
    if options.no_limits and options.listen:
        print("--no-limits works on loopback only: --listen is ignored.")
        return loopback_addresses(options.port)
    loopback = loopback_addresses(options.port)
    if options.listen in ("0.0.0.0", "::"):  # noqa: S104 - asked for by name
        loopback = [each for each in loopback if (":" in each) != (":" in options.listen)]
    return list(dict.fromkeys([*loopback, options.listen] if options.listen else loopback))


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def metrics_ports(first: int) -> dict[str, int]:
    """Ports for /metrics. Not the usual 9464: two systems that start at once on one machine would both find it free."""
    ports: dict[str, int] = {}
    for name in ("auth", "todo", "worker"):
        ports[name] = choose_port(max(ports.values(), default=first - 1) + 1)
    return ports


def start_services(
    supervisor: Supervisor, system: System, worker_port: int, metrics: Mapping[str, int], workers: int
) -> None:
    environments = {name: system.environment(name) for name in SERVICES}
    for name, environ in environments.items():
        migrate(name, environ)
    provision(system, environments)
    processes = (
        (SERVICES["auth"], "auth", "serve", system.auth_port, metrics["auth"]),
        (SERVICES["todo"], "todo", "serve", system.todo_port, metrics["todo"]),
        ("worker", "auth", "worker", worker_port, metrics["worker"]),
    )
    for process, name, verb, port, metrics_port in processes:
        arguments = ["--host", LOOPBACK, "--port", str(port), "--metrics-port", str(metrics_port)]
        if verb == "serve":
            arguments += ["--workers", str(workers)]
        supervisor.add(Child.start(process, service_command(name, verb, *arguments), environments[name]))
    for process, _, _, port, _ in processes:
        supervisor.wait_for(process, partial(answers, port, "/readyz"))


@dataclass(frozen=True)
class Listening:
    """The addresses and the port that the gateway listens on, and whether it speaks TLS."""

    addresses: Sequence[str]
    port: int
    tls: bool

    def endpoints(self) -> list[str]:
        return [endpoint(each, self.port) for each in self.addresses]


def start_gateway(
    supervisor: Supervisor, system: System, program: str, listening: Listening, limits: Limits | None
) -> None:
    folder = STATE / "nginx"
    folder.mkdir(exist_ok=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)  # it may hold another issuer's documents
    for place in (STATE, folder):
        place.chmod(0o755)  # nginx's workers must enter; secret files have narrower rights of their own
    if listening.tls:
        tls.certify(folder / "tls", system.issuer, listening.addresses)
    configuration = render.Gateway(
        issuer=system.issuer,
        listen=listening.endpoints(),
        tls=listening.tls,
        nginx_version=nginx.version(program),
        limits=limits,
        trusted_origins=listed(os.environ.get("AUTH_TRUSTED_ORIGINS", "")),
        trusted_proxies=listed(os.environ.get("GATEWAY_TRUSTED_PROXIES", "")),
        auth_upstream=endpoint(LOOPBACK, system.auth_port),
        todo_upstream=endpoint(LOOPBACK, system.todo_port),
        worker_user=nginx.worker_user(folder),
        open_files=nginx.open_files(),
    )
    render.write(configuration, folder)
    environ = {**os.environ, "TZ": "UTC"}
    supervisor.add(Child.start("gateway", nginx.command(program, folder), environ, signal.SIGQUIT))
    here, trusting = listening.addresses[0], tls.trusting() if listening.tls else None
    paths = ("/healthz", "/.well-known/jwks.json", "/.well-known/oauth-protected-resource/api/v1")
    host = urlsplit(system.issuer).netloc
    for path in paths:
        asked = partial(answers, listening.port, path, address=here, host=host, tls=trusting)
        supervisor.wait_for(f"The gateway ({path})", asked)


def start_inbox(supervisor: Supervisor, port: int) -> None:
    command = [sys.executable, str(Path(inbox.__file__)), str(port), str(mail_folder())]
    supervisor.add(Child.start("inbox", command, os.environ))
    supervisor.wait_for("The inbox", partial(answers, port, "/"))


def announce(system: System, url: str, gateway_port: int | None, mails_port: int | None, has_authority: bool) -> None:
    todo = url if gateway_port else f"http://{LOOPBACK}:{system.todo_port}"
    print(
        f"""
Ready: {url}
    issuer      {system.issuer}{"" if gateway_port else "  (auth-service itself, without a gateway)"}
    accounts    {url}/api/auth/
    todos       {todo}/api/v1/todos
    key set     {url}/.well-known/jwks.json
    logs        {LOGS}
"""
        + (
            f"    mails       http://localhost:{mails_port}  (none is sent; this page shows them)\n"
            if mails_port
            else ""
        )
        + (f"    authority   {tls.authority()}  (for clients to trust)\n" if has_authority else "")
        + ("" if system.limits else "All rate limits and lockouts are off.\n"),
        flush=True,
    )
