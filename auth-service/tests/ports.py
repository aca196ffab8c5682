"""Ports that no other test process of this machine takes."""

import random
import socket

_reserved: list[socket.socket] = []


def free_port() -> int:
    """A free port, reserved until this process ends.

    It is below the ports that the kernel gives to outgoing connections. The process reserves it by binding the UDP port
    of the same number, as deploy/local/ports.py does; the kernel frees that when the process ends.
    """
    while True:
        port = random.randrange(12_000, 32_000)
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reserved.append(reservation)
        return port
