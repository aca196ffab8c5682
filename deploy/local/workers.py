"""How many processes run the tests, and the other options that `./run.py test` adds to pytest's."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY_PER_WORKER = 1.5  # GB: a stack, a browser, a PostgreSQL server and pytest with all tests collected
# With one of these options the tests run in one process: the debugger and uncaptured output need the terminal.
ONE_PROCESS = ("-s", "--capture=no", "--pdb", "--trace", "--collect-only", "--co")
OWN_NUMBER = ("-n", "--numprocesses", "--dist", "-d", "--tx")


def test_options(arguments: Sequence[str]) -> list[str]:
    """pytest's options: the plugin, the ten slowest tests, the number of processes. The caller's options come after."""
    options = ["-p", "deploy.testing", "--durations=10"]
    number = 1 if is_for_one_process(arguments) else workers()
    return [*options, "-n", str(number), "--dist=loadfile", "--no-loadscope-reorder"] if number > 1 else options


def is_for_one_process(arguments: Sequence[str]) -> bool:
    """Whether the caller's options ask for one process or for a number of their own, or name a single file."""
    joined = [first + second for first, second in pairwise(arguments)]
    if "-pno:xdist" in (*arguments, *joined) or any(each in ONE_PROCESS for each in arguments):
        return True
    if any(each == own or each.startswith((f"{own}=", "-n")) for each in arguments for own in OWN_NUMBER):
        return True
    named = [each.partition("::")[0] for each in arguments if not each.startswith("-")]
    files = {each for each in named if Path(each).is_file()}
    return len(files) == 1 and not any(Path(each).is_dir() for each in named)


def workers() -> int:
    """The number of processes: three for two cores that this process may use, as far as the free memory allows.

    Tests wait for processes to start and for pages to load. With two for two cores, a core often had nothing to do.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores * 3 // 2, int(memory() // MEMORY_PER_WORKER)))


def memory() -> float:
    """Free memory in GB; on a system that does not report it, all memory."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 1e6
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
