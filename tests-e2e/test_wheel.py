"""atjwt as another team installs it: a wheel, in an empty environment, far from this repository."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from e2e_fixtures.checkout import ROOT, ambient

PACKAGE = ROOT / "todo-service/verifier/python"
TIMEOUT = 600  # seconds for an installation
# A caller of the README's application. The issuer of the test kit stands in for the one that is named there.
CALLS = """
import asyncio, sys
import atjwt
assert "fastapi" not in sys.modules and "site-packages" in atjwt.__file__
from httpx2 import ASGITransport, AsyncClient
from atjwt.testing import Issuer
from application import app, protection

async def status(token):
    async with AsyncClient(transport=ASGITransport(app), base_url="http://api") as client:
        return (await client.get("/invoices", headers={"Authorization": f"Bearer {token}"})).status_code

with Issuer() as issuer, issuer.standing_in_for(protection.verifier):
    token = issuer.token("bob", scope="invoices:read")
    seen = [asyncio.run(status(each)) for each in (token, issuer.token("bob"), "forged")]
    issuer.revoke(token)
    print(*seen, asyncio.run(status(token)))
"""
TYPED = "import atjwt\nreveal_type(atjwt.Verifier('https://id.example.com', 'a').verify('').scope)\n"


def run(*command: str | Path, folder: Path) -> str:
    """The output of a command that succeeds."""
    ran = subprocess.run(
        list(map(str, command)), cwd=folder, env=ambient(), capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the locked packages and the wheel, and nothing else of ours."""
    lock = PACKAGE / "requirements.txt"
    environment = ROOT / ".run" / f"wheel-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    interpreter = environment / "bin/python"
    if not (environment / "is-complete").exists():  # written last, so an interrupted installation is made anew
        run(sys.executable, "-m", "venv", "--clear", environment, folder=ROOT)
        pip(interpreter, "--require-hashes", "-r", lock)
        (environment / "is-complete").touch()
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(PACKAGE, folder / "atjwt", ignore=ignored)
    run(interpreter, "-m", "flit_core.wheel", "--outdir", folder, folder=folder / "atjwt")
    [wheel] = folder.glob("atjwt-*.whl")
    pip(interpreter, "--no-deps", "--no-index", "--force-reinstall", wheel)
    return interpreter


def pip(interpreter: Path, *arguments: str | Path) -> None:
    run(interpreter, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments, folder=ROOT)


@pytest.mark.process
def test_the_lines_of_the_readme_protect_an_api_in_an_empty_folder(python: Path, tmp_path: Path) -> None:
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (tmp_path / "application.py").write_text(text.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    assert run(python, "calls.py", folder=tmp_path) == "200 403 401 401\n"


@pytest.mark.process
def test_the_wheel_is_typed_and_has_what_it_needs(python: Path, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", tmp_path / "cache")
    assert 'Revealed type is "frozenset[str]"' in run(*mypy, "typed.py", folder=tmp_path).replace("builtins.", "")
    required = run(python, "-c", "import importlib.metadata as m; print(m.requires('atjwt'))", folder=tmp_path)
    assert [each.split(">")[0] for each in eval(required) if "extra" not in each] == ["cryptography", "httpx2"]
