"""The folder of everything that run.py makes, and the description of a running system."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard

from deploy.local.waiting import pause

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".run"
LOGS = STATE / "logs"
RUNNING = STATE / "run.json"
SHAPE = {"url": str, "issuer": str, "options": dict, "ports": dict, "pid": int, "born": str, "ready": bool}


@contextmanager
def lock(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold a lock among all run.py processes of this folder; without `wait`, yield False if another one holds it."""
    STATE.mkdir(exist_ok=True)
    with (STATE / name).open("a") as file:
        while not (taken := _try_lock(file)) and wait:
            pause()
        yield taken


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_log(log: Path, *, append: bool = False) -> IO[bytes]:
    """Open a log that only its owner may read: it has addresses of clients, and `--demo` prints a password."""
    log.touch(mode=0o600)
    log.chmod(0o600)  # an earlier version made it readable for others
    return log.open("ab" if append else "wb")


def read_running() -> dict[str, Any]:
    """The description that the last `up` wrote; empty if there is none, or if it does not have the expected form."""
    try:
        running: Any = json.loads(RUNNING.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return running if _is_description(running) else {}


def _is_description(running: object) -> TypeGuard[dict[str, Any]]:
    if not isinstance(running, dict) or not all(isinstance(running.get(key), kind) for key, kind in SHAPE.items()):
        return False
    ports, processes = running["ports"], running.get("processes", {})
    return (
        all(isinstance(ports.get(name), int) for name in ("auth", "todo"))
        and isinstance(processes, dict)
        and all(pid.isdecimal() and isinstance(born, str) for pid, born in processes.items())
    )


def write_running(running: Mapping[str, Any]) -> None:
    draft = RUNNING.with_suffix(".draft")
    draft.write_text(json.dumps(running, indent=2), encoding="utf-8")
    draft.replace(RUNNING)
