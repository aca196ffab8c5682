"""Which ports are free, and who has those that are not."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from deploy.local.waiting import Refused

LOOPBACK = "127.0.0.1"


def bind_error(address: str, port: int) -> int:
    """0 if one could listen there, else the errno."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def choose_port(wanted: int) -> int:
    if wanted < 65536 and bind_error(LOOPBACK, wanted) == 0:
        return wanted
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(address: str, port: int) -> None:
    problem = bind_error(address, port)
    if problem == errno.EADDRINUSE:
        raise Refused(f"Port {port} is taken{holder(port)}. Choose another: ./run.py up --port {port + 1000}")
    if problem == errno.EACCES:
        raise Refused(f"Port {port} is for root. Choose one above 1023: ./run.py up --port 8080")
    if problem:
        raise Refused(f"Cannot listen on {address}, port {port}: {os.strerror(problem)}.")


def holder(port: int) -> str:
    """Who listens on a port, as far as this user may know (Linux)."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            rows = [line.split() for line in Path(table).read_text(encoding="ascii").splitlines()[1:]]
            sockets |= {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(descriptor.readlink()) in sockets:
                name = (descriptor.parents[1] / "comm").read_text(encoding="utf-8").strip()
                return f" by {name} (process {descriptor.parts[2]})"
    return ""


def loopback_addresses(port: int) -> list[str]:
    """Both, where there are two: `localhost` may mean either."""
    return [LOOPBACK, "::1"] if bind_error("::1", port) in (0, errno.EADDRINUSE, errno.EACCES) else [LOOPBACK]
