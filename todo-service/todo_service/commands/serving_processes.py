"""`serve --workers N`: this process forks N that accept connections on the same sockets, watches them and stops them.

A process that dies is replaced, after a pause that doubles while its successors die early. If one cannot start, all
end. The exception is a successor while others serve: its reason may pass, as when the database is restarted.
DECISIONS.md, 127, says why neither uvicorn's supervisor nor gunicorn is used.
"""

import gc
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

GRACE = 40.0  # seconds from SIGTERM to SIGKILL; requests in progress have 20
PAUSES = (1, 1, 2, 4, 8, 16, 30)  # seconds before a process is replaced, by the number of early deaths in a row
STEADY = 60.0  # seconds; a death after so long is not early
_AWAITED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGALRM)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Place:
    """What a forked process is given."""

    number: int
    folder: Path  # of all of them together, for metrics
    lifeline: int  # the reading end of a pipe that ends with the process that forked this one
    ready: int  # the writing end of a pipe

    def say_ready(self) -> None:
        os.write(self.ready, b"1")
        os.close(self.ready)


@dataclass
class _Child:
    place: int
    began: float
    ready: int  # the reading end of `Place.ready`
    serves: bool = False

    def look(self) -> bool:
        """Whether it has said that it is ready."""
        with suppress(BlockingIOError):  # nothing is there while it starts
            self.serves = self.serves or os.read(self.ready, 1) == b"1"
        return self.serves


def fork_processes(count: int, listeners: Sequence[socket.socket]) -> Place:
    """Return once in each forked process. This process stays inside and exits when all have ended.

    There must be no event loop, and nothing open that two processes cannot share.
    """
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(5)  # that of a database connection, which has just been closed
    return _Forking(count, listeners).run()


class _Forking:
    def __init__(self, count: int, listeners: Sequence[socket.socket]) -> None:
        self._listeners = listeners
        self._folder = Path(tempfile.mkdtemp(prefix="serve-"))
        self._lifeline = os.pipe()
        self._children: dict[int, _Child] = {}  # by process id
        self._due = dict.fromkeys(range(count), 0.0)  # by place: when to start a process there
        self._early_deaths = dict.fromkeys(range(count), 0)
        self._have_served: set[int] = set()  # places
        self._code: int | None = None  # of this process's exit, once all are to end
        self._kill_at = 0.0

    def run(self) -> Place:
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it is awaited below; by default it may be dropped
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
        gc.collect()
        gc.freeze()  # the forked processes' collections do not write into what they share with this one
        while self._code is None or self._children:
            if self._code is None and (place := self._start_due()) is not None:
                return place
            if self._code is not None and time.monotonic() >= self._kill_at:
                self._send(signal.SIGKILL)
            due = [self._kill_at] if self._code is not None else self._due.values()
            signal.setitimer(signal.ITIMER_REAL, max(0.01, min(due) - time.monotonic()) if due else 0)
            match signal.sigwait(_AWAITED):
                case signal.SIGTERM | signal.SIGINT:
                    self._stop(0)
                case signal.SIGCHLD:
                    self._bury()
        shutil.rmtree(self._folder, ignore_errors=True)
        sys.exit(self._code)

    def _start_due(self) -> Place | None:
        """Start what is due. Returns the place in the new process."""
        for place in [place for place, due in self._due.items() if due <= time.monotonic()]:
            del self._due[place]
            reading, writing = os.pipe()
            sys.stdout.flush()  # or both processes would write what is still in the buffer
            if (pid := os.fork()) == 0:
                return self._begin(Place(place, self._folder, self._lifeline[0], writing))
            os.close(writing)
            os.set_blocking(reading, False)
            self._children[pid] = _Child(place, time.monotonic(), reading)
        return None

    def _begin(self, place: Place) -> Place:
        os.close(self._lifeline[1])
        for number in _AWAITED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _AWAITED)
        return place

    def _bury(self) -> None:
        """Read the status of each process that has ended, and set when it is replaced."""
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            if child := self._children.pop(pid, None):  # not one of somebody else's
                self._have_served |= {child.place} if child.look() else set()
                os.close(child.ready)
                if self._code is None:
                    self._replace(child, os.waitstatus_to_exitcode(status))

    def _replace(self, child: _Child, exit_code: int) -> None:
        """`exit_code` is negative for a signal."""
        others_serve = any(each.look() for each in self._children.values())
        if not child.serves and not (child.place in self._have_served and others_serve):
            _log.error("serving_process_cannot_start", exit_code=exit_code)
            self._stop(1)
            return
        is_early = time.monotonic() - child.began < STEADY
        deaths = self._early_deaths[child.place] = self._early_deaths[child.place] + 1 if is_early else 0
        pause = PAUSES[min(deaths, len(PAUSES) - 1)]
        self._due[child.place] = time.monotonic() + pause
        _log.error("serving_process_ended", place=child.place, exit_code=exit_code, replaced_in_seconds=pause)

    def _stop(self, code: int) -> None:
        """Let all end. Each answers the requests that it has begun."""
        if self._code is None:
            self._code, self._kill_at = code, time.monotonic() + GRACE
            for listener in self._listeners:
                listener.close()
        self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)  # until its status is read, no other process gets this id
