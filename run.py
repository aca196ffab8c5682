#!/usr/bin/env python3
"""Set up, run and test the whole system with nothing but Python.

This file has the verbs; deploy/local has their parts. All of it uses the standard library only. An old Python can parse
this file, so that it prints which version is needed instead of a syntax error.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the reader of this message has the older one
    sys.exit("run.py needs Python 3.11 or newer; this one is " + sys.version.split()[0] + ". Try: python3.12 run.py up")
if sys.platform == "win32":
    sys.exit("run.py needs Linux or macOS. On Windows, run it inside WSL.")

import argparse
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from deploy.local import backups
from deploy.local.lint import lint
from deploy.local.packages import find_nginx, python, remove_old_environments, slow_build
from deploy.local.processes import STOP_SECONDS, birth, clear_leftovers
from deploy.local.services import System, migrate, service_command
from deploy.local.state import LOGS, ROOT, STATE, lock, read_running
from deploy.local.up import origin, up
from deploy.local.waiting import Interrupted, Refused, pause, signals
from deploy.local.web import build
from deploy.local.workers import test_options
from gateway.settings import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def down(arguments: Sequence[str]) -> int:
    """stop what `up` started"""
    no_arguments("down", arguments)
    with lock("up.lock", wait=False) as alone:
        if alone:
            clear_leftovers()
            print("Nothing is running.")
            return 0
    running = read_running()
    if not running or birth(running["pid"]) != running["born"]:
        raise Refused("Another run.py is just starting or stopping. Try again in a moment.")
    os.kill(running["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS * 10  # they stop one after the other, each within STOP_SECONDS
    while time.monotonic() < deadline:
        with lock("up.lock", wait=False) as gone:
            if gone:
                print("Stopped.")
                return 0
        pause()
    raise Refused(f"Process {running['pid']} does not stop. Its log: {LOGS / 'run.log'}")


def reset(arguments: Sequence[str]) -> int:
    """stop everything and delete its state: databases, secrets, logs; installed packages stay"""
    no_arguments("reset", arguments)
    down([])
    with lock("up.lock", wait=False) as alone:
        if not alone:
            raise Refused("Another run.py has just started. Stop it first: ./run.py down")
        for entry in STATE.iterdir():
            if entry.name.startswith(("venv-", "npm-", "web-")) or entry.suffix == ".lock":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()  # of a symlink only the link: its target is not ours
        remove_old_environments()
    print("The state is deleted.")
    return 0


def test(arguments: Sequence[str]) -> int:
    """install what is missing and run all tests; --fast: those that need no server; --guests: all foreign libraries"""
    if "--guests" in arguments:
        os.environ["GUESTS"] = "all"
        files = ["tests-e2e/test_guests.py", "tests-e2e/test_workerd.py"]
        arguments = [*files, *(each for each in arguments if each != "--guests")]
    for before, each in zip(["", *arguments], arguments, strict=False):
        path = each.partition("::")[0]
        if before not in ("-k", "-m") and each[:1] != "-" and path.endswith(".py") and not (ROOT / path).exists():
            raise Refused(f"There is no {path}.")
    interpreter = python(tests=True)
    if "--fast" not in arguments:
        try:
            find_nginx()
        except Refused as refused:
            print(f"Tests of the gateway will be skipped. {refused}", file=sys.stderr)
        try:
            build()
        except Refused as refused:
            print(f"Tests of the web application will be skipped. {refused}", file=sys.stderr)
    os.chdir(ROOT)
    return become([interpreter, "-m", "pytest", *test_options(arguments), *arguments])


def bench(arguments: Sequence[str]) -> int:
    """run benchmarks: bench NAME[:ARGUMENT]...; without a name, list them; `bench all` prints one table"""
    scripts = {path.stem.replace("_", "-"): path for path in sorted((ROOT / "tests-e2e/bench").glob("[a-z]*.py"))}
    asked = [(name, given) for name, _, given in (each.partition(":") for each in arguments)]
    unknown = [name for name, _ in asked if name not in scripts]
    if unknown or not arguments:
        print("Benchmarks:", *scripts)
        return 2 if unknown else 0
    interpreter = python(tests=True)
    if warning := slow_build():
        print(warning, flush=True)
    codes = []
    for name, given in asked:
        command = [interpreter, "-P", str(scripts[name]), *([given] if given else [])]
        codes.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
        pause(0)
    return max(codes)


def backup(arguments: Sequence[str]) -> int:
    """save databases and secrets, while it runs or not: backup FOLDER"""
    return backups.backup(arguments)


def restore(arguments: Sequence[str]) -> int:
    """put a backup where no state is, and end all sessions and tokens that it brings back: restore FOLDER"""
    return backups.restore(arguments, issuer=origin)


def auth(arguments: Sequence[str]) -> int:
    """run a command of auth-service on the same state, for example: auth users list"""
    if arguments[:1] == ["apply"]:  # the command runs in another folder, and its files are named as seen from here
        arguments = [str(Path(each).resolve()) if Path(each).is_file() else each for each in arguments]
    return operate("auth", arguments)


def todo(arguments: Sequence[str]) -> int:
    """run a command of todo-service on the same state"""
    return operate("todo", arguments)


def operate(name: str, arguments: Sequence[str]) -> int:
    running = read_running()
    ports = running.get("ports", {"auth": 8081, "todo": 8082})
    system = System(running.get("issuer") or origin("http://localhost:8080"), ports["auth"], ports["todo"])
    environ = system.environment(name)
    migrate(name, environ)
    return become(service_command(name, *arguments), cwd=STATE, environ=environ)


def become(command: Sequence[str], *, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> NoReturn:
    """Replace this process by another program, which then owns output, signals and exit code."""
    if cwd:
        os.chdir(cwd)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    sys.stdout.flush()
    os.execve(command[0], list(command), dict(environ or os.environ))  # noqa: S606 - there is no shell to escape


def no_arguments(verb: str, arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog=f"run.py {verb}", description=VERBS[verb].__doc__).parse_args(arguments)


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    verb.__name__: verb for verb in (up, down, backup, restore, reset, test, lint, bench, auth, todo)
}


def usage() -> str:
    return "usage: ./run.py VERB ...\n\n" + "\n".join(f"    {name:7} {verb.__doc__}" for name, verb in VERBS.items())


def is_text(argument: str) -> bool:
    """False for octets that Python could not decode (lone surrogates), and for a byte order mark."""
    return not argument.startswith("\ufeff") and not any("\ud800" <= each <= "\udfff" for each in argument)


def main(arguments: Sequence[str]) -> int:
    if not all(map(is_text, arguments)):
        print("run.py: an argument is not UTF-8, or begins with a byte order mark", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in VERBS:
        asked = bool(arguments) and arguments[0] in ("-h", "--help", "help")
        print(usage(), file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it every start would compile everything, and keep the memory
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: signals.append(received))
    try:
        LOGS.mkdir(parents=True, exist_ok=True)
        return VERBS[arguments[0]](arguments[1:])
    except (Refused, InvalidSetting) as refused:
        print(f"run.py: {refused}", file=sys.stderr)
    except PermissionError as error:
        print(f"run.py: {error}. Does {STATE} belong to another user?", file=sys.stderr)
    except Interrupted:
        print("\nInterrupted. Nothing is left running; the next start continues from here.", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
