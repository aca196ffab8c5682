"""Which nginx to run, how it comes onto a machine, and how it is started as root and as anybody else."""

from __future__ import annotations

import grp
import os
import pwd
import re
import resource
import shutil
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Debian keeps nginx where only root's PATH leads.
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/usr/local/nginx/sbin", "/opt/homebrew/bin")
WORKER_USERS = ("www-data", "nginx", "nobody")
OPEN_FILES = 16384
JS_MODULE = "/usr/lib/nginx/modules/ngx_http_js_module.so"  # njs, from 0.8.1 on; Debian 13 has it
POLICY = Path("/usr/sbin/policy-rc.d")


def find() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path=os.pathsep.join(FOLDERS))


def version(program: str) -> tuple[int, ...]:
    """Some directives are spelled in another way before and after a version."""
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)  # noqa: S603 - nginx itself
    found = re.search(r"nginx/([0-9.]+)", told.stderr + told.stdout)
    return tuple(map(int, found[1].split("."))) if found else ()


def command(program: str, folder: Path) -> list[str]:
    """Start nginx on what render.write left in `folder`. Errors before the configuration is read go to stderr too."""
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def worker_user(folder: Path) -> str | None:
    """Whom the workers of a root's nginx become: somebody without rights, if such a one can enter `folder`.

    In a checkout below root's own home (0700) nobody else can; there the workers stay root, as all else there is.
    """
    if os.geteuid() != 0:
        return None
    if not all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents)):
        return "root root"
    for name in WORKER_USERS:
        with suppress(KeyError):
            group = grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name
            return f"{name} {group}"
    return "root root"


def open_files() -> int:
    """How many descriptors a worker may have: without privileges no more than the hard limit, or nginx alerts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)


@contextmanager
def no_services_started() -> Iterator[None]:
    """Packages installed meanwhile do not start the servers that they bring (Debian's policy-rc.d)."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
