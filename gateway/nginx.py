"""Find nginx, and start it as root or as another user."""

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

# Debian has nginx in a folder that only root has on PATH.
FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/usr/local/nginx/sbin", "/opt/homebrew/bin")
WORKER_USERS = ("www-data", "nginx", "nobody")
OPEN_FILES = 16384
JS_MODULE = "/usr/lib/nginx/modules/ngx_http_js_module.so"  # njs 0.8.1 or newer, which Debian 13 has
POLICY = Path("/usr/sbin/policy-rc.d")


def find() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path=os.pathsep.join(FOLDERS))


def version(program: str) -> tuple[int, ...]:
    """nginx's version, or () if it is unreadable: some directives depend on it."""
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False)  # noqa: S603 - nginx itself
    found = re.search(r"nginx/([0-9.]+)", told.stderr + told.stdout)
    return tuple(map(int, found[1].split("."))) if found else ()


def command(program: str, folder: Path) -> list[str]:
    """The command that starts nginx on the files that render.write made. -e: early errors go to stderr too."""
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def worker_user(folder: Path) -> str | None:
    """User and group for nginx's workers if this process is root: an unprivileged user, if it can enter `folder`.

    In a checkout below root's home (0700) no other user can; there the workers run as root. None if not root.
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
    """Descriptors per worker. Above the hard limit an unprivileged nginx would log an alert."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)


@contextmanager
def no_services_started() -> Iterator[None]:
    """Inside this block, installing a Debian package does not start its server (policy-rc.d)."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
