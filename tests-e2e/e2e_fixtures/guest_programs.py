"""How a guest's program is made from its folder. Each is built into .run once for each state of its lock.

requirements.txt   Python, in a virtual environment of its own: app.py
package.json       Node.js: app.js
go.mod             Go: main.go, or the program that go.mod calls a tool
Cargo.toml         Rust: src/main.rs
pom.xml            Java
apache.conf        Debian's Apache with mod_auth_openidc

If there is a run.sh, it is run, and given the path of what was built, or of Python.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed, node

GUESTS = ROOT / "tests-e2e/guests"
MODULES = Path("/usr/lib/apache2/modules")
BUILD_TIMEOUT = 1800  # seconds; the first build of the largest one takes minutes


def command_of(name: str, folder: Path) -> list[str]:
    """The command that runs a guest in the foreground. FOLDER is its own, and empty."""
    make = next(make for file, make in MAKERS.items() if (GUESTS / name / file).exists())
    command, script = make(name, folder), GUESTS / name / "run.sh"
    return ["sh", str(script), command[0]] if script.exists() else command


def _python(name: str, _: Path) -> list[str]:
    target = _target(name, "requirements.txt")
    if not _is_complete(target):
        _run([sys.executable, "-m", "venv", "--clear", str(target)])
        pip = [str(target / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, "--require-hashes", "-r", str(GUESTS / name / "requirements.txt")])
        _complete(target)
    return [str(target / "bin/python"), str(GUESTS / name / "app.py")]


def _node(name: str, _: Path) -> list[str]:
    return [node(), str(installed(GUESTS / name) / "app.js")]


def _go(name: str, _: Path) -> list[str]:
    built = "." if (GUESTS / name / "main.go").exists() else "tool"
    target = _target(name, "go.mod", "go.sum", *(["main.go"] if built == "." else []))
    if not _is_complete(target):
        program = [_tool("go", "Go"), "build", "-o", str(target / "program"), built]
        _run(program, cwd=GUESTS / name, GOFLAGS="-mod=readonly -modcacherw", CGO_ENABLED="0")
        _complete(target)
    return [str(target / "program")]


def _rust(name: str, _: Path) -> list[str]:
    target = _target(name, "Cargo.toml", "Cargo.lock", "src/main.rs")
    if not _is_complete(target):
        _run([_tool("cargo", "Rust"), "build", "--locked", "--target-dir", str(target)], cwd=GUESTS / name)
        _complete(target)
    return [str(target / "debug" / f"guest-{name}")]


def _java(name: str, _: Path) -> list[str]:
    sources = [str(path.relative_to(GUESTS / name)) for path in sorted((GUESTS / name).rglob("*")) if path.is_file()]
    target = _target(name, *sources)
    if not _is_complete(target):
        shutil.copytree(GUESTS / name, target, dirs_exist_ok=True)
        _run([_tool("mvn", "Maven"), "--quiet", "--batch-mode", "package"], cwd=target)
        _complete(target)
    return [_tool("java", "Java"), "-jar", str(target / "target/program.jar")]


def _apache(name: str, folder: Path) -> list[str]:
    program = shutil.which("apache2") or "/usr/sbin/apache2"
    if not Path(program).exists() or not (MODULES / "mod_auth_openidc.so").exists():
        absent("Apache with mod_auth_openidc is not installed (Debian: apt-get install libapache2-mod-auth-openidc)")
    pages = folder / "pages"
    pages.mkdir()
    for page in ("index.html", "refresh.html", "signed-out.html"):
        (pages / page).write_text("<p>A page of Apache", encoding="utf-8")
    for path in (folder, pages):
        path.chmod(0o755)  # as root, Apache serves as another user
    return [program, "-f", str(GUESTS / name / "apache.conf"), "-DFOREGROUND"]


MAKERS: Mapping[str, Callable[[str, Path], list[str]]] = {
    "requirements.txt": _python,
    "package.json": _node,
    "go.mod": _go,
    "Cargo.toml": _rust,
    "pom.xml": _java,
    "apache.conf": _apache,
}


def _tool(program: str, language: str) -> str:
    return shutil.which(program) or absent(f"{language} is not installed: {program} is not on PATH")


def _target(name: str, *files: str) -> Path:
    """The folder for what is built from these files."""
    read = hashlib.sha256(b"".join((GUESTS / name / file).read_bytes() for file in files))
    return ROOT / ".run" / f"guest-{name}-{read.hexdigest()[:12]}"


def _is_complete(target: Path) -> bool:
    return (target / "is-complete").exists()


def _complete(target: Path) -> None:
    (target / "is-complete").touch()  # last, so an interrupted build is not taken for complete


def _run(command: Sequence[str], cwd: Path = ROOT, **environ: str) -> None:
    ran = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT,
        check=False,
    )
    if ran.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed:\n{ran.stdout}{ran.stderr}")
