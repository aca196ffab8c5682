#!/usr/bin/env python3
"""Run Chromium (named by CHROMIUM) so that it does not notice containers start and stop on this machine.

Chromium listens to the kernel for changes of network addresses (netlink). Each one breaks off the connections that are
being opened, also to loopback: ERR_NETWORK_CHANGED, for instance when another test starts a container. No switch turns
this off. Without netlink Chromium takes the network as steady, so a seccomp filter refuses it netlink sockets.
"""

import ctypes
import os
import platform
import struct
import sys

AF_NETLINK = 16
EAFNOSUPPORT = 97
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38  # without it only root may set a filter
SYSTEM = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # its number for seccomp, and its socket() call
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # instructions of BPF (linux/bpf_common.h)
ALLOW, ERROR = 0x7FFF0000, 0x00050000
CALL, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data (linux/seccomp.h)


class Program(ctypes.Structure):
    """struct sock_fprog (linux/filter.h)."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_netlink(machine: int, socket_call: int) -> None:
    """From now on socket(AF_NETLINK, …) fails in this process and in all that it starts."""
    filter_ = [
        (LOAD, 0, 0, MACHINE),
        (EQUAL, 0, 5, machine),  # otherwise five instructions on, to ALLOW
        (LOAD, 0, 0, CALL),
        (EQUAL, 0, 3, socket_call),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, ERROR | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in filter_))
    program = Program(len(filter_), ctypes.cast(code, ctypes.c_void_p))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
    ):
        if prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    if sys.platform == "linux" and platform.machine() in SYSTEM:
        refuse_netlink(*SYSTEM[platform.machine()])
    os.execv(os.environ["CHROMIUM"], [os.environ["CHROMIUM"], *sys.argv[1:]])
