"""Which ports are free, and which process holds one that is not."""

from __future__ import annotations

import errno
import os
import random
import socket
from collections import deque
from contextlib import suppress
from pathlib import Path

from deploy.local.waiting import Refused

LOOPBACK = "127.0.0.1"
MOST_RESERVED = 64  # more than a test or an `up` needs at once; beyond it the oldest is released, to save descriptors
reservations: deque[int] = deque()  # their descriptors


def bind_error(address: str, port: int) -> int:
    """0 if a server could listen on the port, else the errno."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def choose_port(wanted: int) -> int:
    """The wanted port if it is free, else another free one; it is reserved until this process ends."""
    return wanted if wanted < 65536 and reserve(wanted) else free_port()


def free_port() -> int:
    """A port that is free and reserved until this process ends.

    It is below the ephemeral ports: the kernel could give those to an outgoing connection before a server listens.
    """
    while not reserve(port := random.randrange(12_000, 32_000)):  # noqa: S311 - no secret
        pass
    return port


def reserve(port: int) -> bool:
    """Reserve a port among all processes that reserve ports in this way; False if it is taken or reserved.

    Between the choice of a port and the start of its server seconds may pass, in which other checkouts and test
    processes of this machine choose ports. The reservation is the UDP port of the same number, which we do not use
    otherwise: it is unique over all users and folders, and the kernel releases it when the process ends.
    """
    reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        reservation.bind((LOOPBACK, port))
    except OSError:
        reservation.close()
        return False
    if bind_error(LOOPBACK, port):
        reservation.close()
        return False
    reservations.append(reservation.detach())
    if len(reservations) > MOST_RESERVED:
        os.close(reservations.popleft())
    return True


def check_port(address: str, port: int) -> None:
    problem = bind_error(address, port)
    if problem == errno.EADDRINUSE:
        raise Refused(f"Port {port} is taken{holder(port)}. Choose another: ./run.py up --port {port + 1000}")
    if problem == errno.EACCES:
        raise Refused(f"Only root may listen on port {port}. Choose one above 1023: ./run.py up --port 8080")
    if problem:
        raise Refused(f"Cannot listen on {address}, port {port}: {os.strerror(problem)}.")


def holder(port: int) -> str:
    """The process that listens on a port, as " by NAME (process PID)"; "" if this user may not see it (Linux only)."""
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
    """127.0.0.1, and ::1 if the machine has it: `localhost` may mean either."""
    return [LOOPBACK, "::1"] if bind_error("::1", port) in (0, errno.EADDRINUSE, errno.EACCES) else [LOOPBACK]
