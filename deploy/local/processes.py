"""Processes that start together and stop together."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from deploy.local.ports import LOOPBACK
from deploy.local.progress import tail
from deploy.local.state import LOGS, RUNNING, STATE, open_log, read_running, write_running
from deploy.local.waiting import Refused, pause, signals

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

READY_SECONDS = 180  # only for a process that hangs; one that ends is reported at once
STOP_SECONDS = 10


def birth(pid: int) -> str:
    """When a process began, or "" if it is gone. It tells a later process with the same number apart."""
    if not Path("/proc/self/stat").exists():
        ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return ps.stdout.strip()
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    return ""


def is_used(folder: Path) -> bool:
    """Whether the folder's path is in any process's command line."""
    if not Path("/proc/self/cmdline").exists():
        return str(folder) in subprocess.check_output(["ps", "-A", "-ww", "-o", "args="], text=True)
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(folder) in line.read_bytes():
                return True
    return False


def clear_leftovers() -> None:
    """End the processes that a killed `up` has left behind."""
    for pid, born in read_running().get("processes", {}).items():
        if born and birth(int(pid)) == born:
            print(f"Ending process {pid}, which an earlier run has left behind")
            end_group(int(pid))
    RUNNING.unlink(missing_ok=True)


def end_group(leader: int) -> None:
    """Kill the rest of a process group, and wait until its ports are free again."""
    deadline = time.monotonic() + 3
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
        while time.monotonic() < deadline:
            os.killpg(leader, 0)
            time.sleep(0.02)


def answers(
    port: int, path: str, *, address: str = LOOPBACK, host: str = "localhost", tls: ssl.SSLContext | None = None
) -> bool:
    if tls:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(address, port, timeout=2, context=tls)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@dataclass(frozen=True)
class Child:
    """One process in a group of its own, so that Ctrl-C reaches only run.py, which stops each once, in order."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], environ: Mapping[str, str], stop_signal: signal.Signals = signal.SIGTERM
    ) -> Child:
        log = LOGS / f"{name}.log"
        if log.exists():
            log.chmod(0o600)
            log.replace(log.with_suffix(".log.1"))
        with open_log(log, append=True) as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                cwd=STATE,
                start_new_session=True,
                umask=0o077,
            )
        return cls(name, process, log, stop_signal)

    def check(self) -> None:
        if self.process.poll() is not None:
            code = self.process.returncode
            end = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
            raise Refused(f"{self.name} {end}. The end of its log:\n{tail(self.log)}\n(the whole log: {self.log})")

    def stop(self) -> None:
        """Ask the process to stop, wait, and kill the rest of its group; a second signal to run.py ends the wait."""
        asked = len(signals)
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline and len(signals) == asked:
            time.sleep(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        end_group(self.process.pid)


class Supervisor:
    """The processes of one `up`: all of them, or none."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = {**description, "pid": os.getpid(), "born": birth(os.getpid()), "ready": False}
        self.children: list[Child] = []
        write_running(self.description)

    def add(self, child: Child) -> None:
        self.children.append(child)
        self.description["processes"] = {str(each.process.pid): birth(each.process.pid) for each in self.children}
        write_running(self.description)

    def wait_for(self, what: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"{child.name}:\n{tail(child.log, 10)}" for child in self.children)
                raise Refused(f"{what} was not ready after {READY_SECONDS} s. The ends of the logs:\n{logs}")
            pause()

    def check(self) -> None:
        for child in self.children:
            child.check()

    def watch(self) -> NoReturn:
        self.description["ready"] = True
        write_running(self.description)
        while True:
            pause(0.2)
            self.check()

    def stop(self) -> None:
        for child in reversed(self.children):
            child.stop()
        RUNNING.unlink(missing_ok=True)
