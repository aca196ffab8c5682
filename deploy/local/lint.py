"""The verb `lint`: ruff, mypy and prettier over the whole repository."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from deploy.local import web
from deploy.local.node import environment, installed, node_folder
from deploy.local.packages import python
from deploy.local.state import ROOT, lock
from deploy.local.waiting import Refused, pause

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# mypy checks each part by itself: every part has a package named `tests`.
PARTS = (["auth-service"], ["todo-service"], ["run.py", "deploy", "gateway"], ["tests-e2e"])
PRETTIER_CONFIG = "todo-service/web/.prettierrc.json"
PRETTIER_IGNORE = "todo-service/web/.prettierignore"
FORMATTED = (
    "todo-service/web/**/*.{ts,tsx,css}",
    "todo-service/verifier/typescript/{src,tests}/**/*.ts",
    "tests-e2e/{frontends,guests}/**/*.{js,mjs,css}",
)


def lint(arguments: Sequence[str]) -> int:
    """check everything with ruff, mypy and prettier; with --fix, ruff and prettier correct what they can"""
    parser = argparse.ArgumentParser(prog="run.py lint", description=lint.__doc__)
    parser.add_argument(
        "--fix", action="store_true", help="first run ruff check --fix, ruff format and prettier --write"
    )
    fix = parser.parse_args(arguments).fix
    interpreter = python(tests=True)
    codes = [run(check, [interpreter, "-P", "-m", *check]) for check in python_checks(fix=fix)]
    code = max(*codes, prettier(fix=fix))
    print("Lint found faults." if code else "Lint found nothing.")
    return code


def python_checks(*, fix: bool) -> list[list[str]]:
    """The commands for Python files, each without the interpreter."""
    ruff = [["ruff", "check", *(["--fix"] if fix else []), "."], ["ruff", "format", *([] if fix else ["--check"]), "."]]
    return ruff + [["mypy", f"--cache-dir=.mypy_cache/{part[-1]}", *part] for part in PARTS]


def prettier(*, fix: bool) -> int:
    """Exit code of prettier over TypeScript, JavaScript and CSS; without Node.js 0, but 1 in CI."""
    try:
        node = node_folder()
        with lock("web.lock"):
            work = installed(web.SOURCES, node, production=False)
    except Refused as refused:
        print(f"TypeScript, JavaScript and CSS are not checked. {refused}", file=sys.stderr)
        return int(os.environ.get("CI") == "true")
    check = ["prettier", "--write" if fix else "--check", "--log-level=warn"]
    check += [f"--config={PRETTIER_CONFIG}", f"--ignore-path={PRETTIER_IGNORE}", *FORMATTED]
    return run(check, [str(work / "node_modules/.bin" / check[0]), *check[1:]], environment(node))


def run(shown: Sequence[str], command: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """Print the command, run it, and return its exit code."""
    print("$", *shown, flush=True)
    code = subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    pause(0)
    return code if code >= 0 else 128 - code  # ended by a signal; as in a shell, so that max() sees a failure
