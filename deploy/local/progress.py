"""The progress line of a running command."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.state import LOGS, STATE, open_log
from deploy.local.waiting import Refused, pause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def printable(text: str) -> str:
    """The text with its control characters escaped, except line ends and tabs: a terminal would obey them."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\x{ord(found[0]):02x}", text)


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log, indented."""
    text = printable(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])


def run_with_progress(
    what: str,
    command: Sequence[str],
    environ: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    stdin: Path | None = None,
) -> None:
    """Run a command with its output in a log; show a live line on a terminal, dots elsewhere, and nothing on stdout."""
    log = LOGS / "setup.log"
    started, live = time.monotonic(), sys.stderr.isatty()
    dots = 0
    print(what, end="" if not live else "\r", flush=True, file=sys.stderr)
    with open_log(log) as output, (stdin or Path(os.devnull)).open("rb") as read:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=read,
            env=environ,
            cwd=cwd or STATE,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            pause()
            elapsed = int(time.monotonic() - started)
            if live:
                doing = (tail(log, 1).strip() or "...")[: max(shutil.get_terminal_size().columns - len(what) - 12, 0)]
                print(f"\r\033[K{what} {elapsed:3d} s  {doing}", end="", flush=True, file=sys.stderr)
            elif elapsed // 2 > dots:
                dots += 1
                print(".", end="", flush=True, file=sys.stderr)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        print(f"\r\033[K{what}" if live else "", f"{time.monotonic() - started:.1f} s", flush=True, file=sys.stderr)
    if process.returncode != 0:
        raise Refused(f"{what} failed:\n{tail(log)}\n(the whole log: {log})")
