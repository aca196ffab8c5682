"""The pytest plugin of `./run.py test`: the number of processes, and which tests share one."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.local import ports, workers
from deploy.testing import fast, groups

ROOT = Path(__file__).parents[2]
THIS = str(Path(__file__).relative_to(ROOT))


class TestWorkers:
    @pytest.fixture(autouse=True)
    def _machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)
        monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1, 2, 3}, raising=False)
        monkeypatch.setattr(workers, "memory", lambda: 64.0)

    @pytest.mark.parametrize(
        "arguments",
        [[], ["deploy/tests"], ["-k", "token"], [THIS, "gateway/tests"], [THIS, "deploy/tests/test_run.py"], ["-x"]],
    )
    def test_three_for_two_cores(self, arguments: list[str]) -> None:
        assert [each for each in workers.test_options(arguments) if each in ("-n", "6")] == ["-n", "6"]

    @pytest.mark.parametrize(
        "arguments",
        [
            [THIS],
            [f"{THIS}::TestWorkers", "-k", "token"],
            ["-s"],
            ["--pdb"],
            ["--collect-only", "-q"],
            ["-p", "no:xdist"],
            ["-pno:xdist"],
            ["-n", "3"],
            ["-n3"],
            ["--numprocesses=3"],
            ["--dist=no"],
        ],
    )
    def test_the_callers_word_goes_first_and_a_single_file_needs_one(self, arguments: list[str]) -> None:
        assert "-n" not in workers.test_options(arguments)

    @pytest.mark.parametrize(("memory", "number"), [(0.2, 1), (3.1, 2), (64.0, 6)])
    def test_no_more_than_memory_allows(self, monkeypatch: pytest.MonkeyPatch, memory: float, number: int) -> None:
        monkeypatch.setattr(workers, "memory", lambda: memory)
        assert workers.workers() == number

    def test_memory_is_known(self) -> None:
        assert workers.memory() > 0


class TestPorts:
    @pytest.mark.process
    def test_chosen_port_is_chosen_by_no_other_process(self) -> None:
        port = ports.free_port()
        code = f"from deploy.local import ports; print(ports.choose_port({port}) != {port}, ports.reserve({port}))"
        asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert asked.stdout.split() == ["True", "False"]

    def test_chosen_port_is_free_to_listen_on(self) -> None:
        with socket.create_server(("127.0.0.1", ports.free_port())):
            pass

    def test_oldest_is_given_up_when_there_are_many(self) -> None:
        port = ports.free_port()
        for _ in range(ports.MOST_RESERVED - 1):
            ports.free_port()
        assert not ports.reserve(port)
        ports.free_port()
        assert (ports.reserve(port), len(ports.reservations)) == (True, ports.MOST_RESERVED)


TESTS = {
    "test_first.py": "def test_a(): pass\ndef test_b(stack): pass\n",
    "test_second.py": "import pytest\n@pytest.mark.parametrize('at', ['x@y'])\ndef test_c(stack, at): pass\n",
    "test_third.py": "import pytest\n@pytest.fixture\ndef stack(): pass\ndef test_d(stack): pass\n",
    "conftest.py": "import os\nimport pytest\n@pytest.fixture\ndef stack(): pass\n",
}


def run(tests: Path, *options: str) -> subprocess.CompletedProcess[str]:
    own = ["-p", "deploy.testing", "-c", "/dev/null", "-p", "no:cacheprovider", *options, str(tests)]
    wide = {**os.environ, "COLUMNS": "200"}  # so that pytest does not shorten the reasons
    return subprocess.run([sys.executable, "-m", "pytest", *own], cwd=ROOT, env=wide, capture_output=True, text=True)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


TWO = ("-n", "2", "--dist=loadfile", "--no-loadscope-reorder")


@pytest.mark.process
def test_files_that_share_a_thing_run_in_one_process(tmp_path: Path) -> None:
    """A file with its own fixture of the same name does not belong to the group."""
    done = run(write(tmp_path, TESTS), *TWO, "-v")
    lines = [line for line in done.stdout.splitlines() if "PASSED" in line]
    worker = {line.rpartition("::")[2].strip(): line[:4] for line in lines}
    assert worker.keys() == {"test_a", "test_b", "test_c[x@y]", "test_d"}
    assert len({worker["test_a"], worker["test_b"], worker["test_c[x@y]"]}) == 1
    assert worker["test_d"] != worker["test_a"]


@pytest.mark.process
def test_each_file_that_is_done_is_a_line_and_each_failure_too(tmp_path: Path) -> None:
    bad = {"test_bad.py": "def test_it(): assert False, 'the reason'\ndef test_other(): pass\n"}
    done = run(write(tmp_path, TESTS | bad), *TWO)
    assert done.returncode == 1
    assert re.search(r"^ *\d+ % +0:\d\d  FAILED  .*test_bad.py::test_it \(call\)$", done.stdout, re.MULTILINE)
    assert re.search(r" 2 tests .* s  .*test_bad.py  1 failed$", done.stdout, re.MULTILINE)
    files = re.findall(r"^ *(\d+) % .* tests .*(test_\w+\.py)", done.stdout, re.MULTILINE)
    assert {name for _, name in files} == {"test_bad.py", "test_first.py", "test_second.py", "test_third.py"}
    assert files[-1][0] == "100"
    assert re.search(r"^FAILED .*test_bad.py::test_it - AssertionError: the reason", done.stdout, re.MULTILINE)
    assert re.search(r"= 1 failed, 5 passed in ", done.stdout)


QUICK_AND_SLOW = {
    "test_all.py": """
import os, subprocess, sys
import pytest
pytestmark = pytest.mark.filterwarnings("ignore")
@pytest.fixture(params=["sqlite", "postgresql"])
def service(request): pass
@pytest.fixture
def own_redis(): pass
def test_quick(): pass
def test_service(service): pass
def test_redis(own_redis): pass
@pytest.mark.process
def test_process(): subprocess.run([sys.executable, "-c", ""], check=True)
def test_unmarked(): subprocess.run([sys.executable, "-c", ""], check=True)
"""
}


@pytest.mark.process
@pytest.mark.parametrize("processes", [(), TWO], ids=["alone", "shared"])
def test_fast_leaves_out_servers_and_processes_and_says_so(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """An unmarked test that starts a process fails."""
    done = run(write(tmp_path, QUICK_AND_SLOW), "--fast", *processes)
    assert "1 failed, 2 passed" in done.stdout
    assert "FAILED" in done.stdout
    assert "test_unmarked - RuntimeError: A fast test starts a process. Mark it" in done.stdout
    assert f"Left out by --fast: most of tests-e2e; 2 {fast.SERVER}; 1 {fast.PROCESS}" in done.stdout
    assert "6 passed" in run(tmp_path, *processes).stdout


def test_every_group_that_is_started_first_is_one() -> None:
    """The name of a renamed file would have no effect."""
    assert [name for name in groups.LONG if name not in groups.SHARED.values() and not (ROOT / name).exists()] == []


def test_a_system_that_does_not_tell_its_free_memory_counts_with_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "MemTotal: 4000000 kB\n")
    assert workers.memory() > 0
