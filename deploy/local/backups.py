"""The verbs `backup` and `restore`: the SQLite databases and the secrets of this folder, as one folder elsewhere."""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.ports import LOOPBACK
from deploy.local.services import SERVICES, System, migrate, service_command
from deploy.local.state import STATE, lock
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATABASES = tuple(f"{name}.db" for name in SERVICES)
# The authority of --tls, which clients trust; what `up --demo` has made.
BESIDE = ("secrets", "tls", "demo.json", "todo-client.json")


def backup(arguments: Sequence[str]) -> int:
    """save databases and secrets, while it runs or not: backup FOLDER"""
    folder = _folder("backup", "A folder that does not exist yet. Who can read it can sign tokens.", arguments)
    if folder.exists():
        raise Refused(f"{folder} exists already: a backup needs a folder of its own.")
    missing = [name for name in DATABASES if not (STATE / name).exists()]
    if missing:
        raise Refused(f"There is no {missing[0]} in {STATE}. Databases elsewhere have backups of their own.")
    draft = folder.with_name(f"{folder.name}.draft")
    draft.mkdir(mode=0o700, parents=True)
    for name in DATABASES:
        _copy_database(STATE / name, draft / name)
    for name in BESIDE:
        _copy(STATE / name, draft / name)
    draft.rename(folder)
    print(f"Saved to {folder}.")
    return 0


def restore(arguments: Sequence[str], *, issuer: Callable[[str], str]) -> int:
    """put a backup into a folder without state (after reset), and end what it may have brought back: restore FOLDER"""
    folder = _folder("restore", "A folder that `backup` has made.", arguments)
    missing = [name for name in (*DATABASES, "secrets") if not (folder / name).exists()]
    if missing:
        raise Refused(f"{folder} is no backup: it has no {missing[0]}.")
    with lock("up.lock", wait=False) as alone:
        if not alone:
            raise Refused("The system runs. Stop it first: ./run.py down")
        found = [name for name in (*DATABASES, "secrets") if (STATE / name).exists()]
        if found:
            raise Refused(f"{STATE} holds {found[0]} already. To delete its state: ./run.py reset")
        for name in (*BESIDE, *DATABASES):
            _copy(folder / name, STATE / name)
        system = System(issuer(f"http://{LOOPBACK}"), 8081, 8082)
        environ = system.environment("auth")
        migrate("auth", environ)
        done = subprocess.run(service_command("auth", "restore", "--yes"), cwd=STATE, env=environ, check=False)
    if done.returncode != 0:
        raise Refused("The databases are there, but not everything that gives access has ended: ./run.py auth restore")
    return 0


def _folder(verb: str, what: str, arguments: Sequence[str]) -> Path:
    parser = argparse.ArgumentParser(prog=f"run.py {verb}")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help=what)
    folder: Path = parser.parse_args(arguments).folder
    return folder.absolute()


def _copy_database(source: Path, target: Path) -> None:
    """A consistent copy. It is read in one transaction, so services may go on writing meanwhile."""
    target.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as opened, closing(sqlite3.connect(target)) as copied:
        opened.backup(copied)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.exists():
        shutil.copy2(source, target)
