"""atjwt's wheel in an environment with the frameworks of its adapters, and the lines of its pages to run there."""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from .checkout import ROOT, ambient

PACKAGE = ROOT / "todo-service/verifier/python"
LOCK = PACKAGE / "requirements.txt"
TIMEOUT = 600  # seconds for an installation


def run(*command: str | Path, folder: Path) -> str:
    """The output of a command that succeeds."""
    ran = subprocess.run(
        list(map(str, command)), cwd=folder, env=ambient(), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def installed_wheel() -> Path:
    """The interpreter of an environment with the locked packages and the wheel, and nothing else of ours.

    The packages are installed once for each lock, the wheel once for each version of its files. Processes of one test
    run share both.
    """
    environment = ROOT / ".run" / f"wheel-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    interpreter, complete = environment / "bin/python", environment / "is-complete"
    environment.parent.mkdir(exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():  # written last, so an interrupted installation is made anew
            run(sys.executable, "-m", "venv", "--clear", environment, folder=ROOT)
            _pip(interpreter, "--require-hashes", "-r", LOCK)
            complete.touch()
        if complete.read_text(encoding="ascii") != (version := _version()):
            with tempfile.TemporaryDirectory() as folder:
                _pip(interpreter, "--no-deps", "--no-index", "--force-reinstall", _built(interpreter, Path(folder)))
            complete.write_text(version, encoding="ascii")
    return interpreter


def _pip(interpreter: Path, *arguments: str | Path) -> None:
    run(interpreter, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments, folder=ROOT)


def _built(interpreter: Path, folder: Path) -> Path:
    shutil.copytree(PACKAGE, folder / "atjwt", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    run(interpreter, "-m", "flit_core.wheel", "--outdir", folder, folder=folder / "atjwt")
    [wheel] = folder.glob("atjwt-*.whl")
    return wheel


def _version() -> str:
    """What changes when a file of the wheel does."""
    files = [PACKAGE / "pyproject.toml", PACKAGE / "README.md", *sorted((PACKAGE / "atjwt").glob("*.*"))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def lines_of_the_readme(section: str) -> list[str]:
    """The blocks of Python in a section, such as "Django"."""
    text = re.split(rf"\n##+ {section}\n", (PACKAGE / "README.md").read_text(encoding="utf-8"))[1]
    return re.findall(r"```python\n(.*?)```", re.split(r"\n##", text)[0], re.DOTALL)


def recipe_of_the_sidecar(proxy: str) -> str:
    """The indented lines in the section of a proxy."""
    page = (PACKAGE / "SIDECAR.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {proxy}\n")[2].partition("\n## ")[0]
    return textwrap.dedent("\n".join(line for line in section.splitlines() if line.startswith("    ")))


def nginx(folder: Path, *servers: str) -> list[str]:
    """The command of an nginx with these server blocks, which keeps everything in a folder."""
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"daemon off; pid {folder}/nginx.pid; events {{}} http {{ access_log off; {places}\n{''.join(servers)}\n}}"
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
