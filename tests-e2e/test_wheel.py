"""atjwt as another team installs it: a wheel, in an empty environment, far from this repository."""

import hashlib
import json
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
# Sends the token of each vector to the README's application, and prints the verdicts that differ. A token that is
# accepted lacks the scope: 403.
VECTORS = """
import asyncio, json, sys
from datetime import timedelta
from pathlib import Path
from httpx2 import ASGITransport, AsyncClient
from atjwt import Endpoints, Policy, Seams, Verifier, WhenStale
from atjwt.key_set import KeySet, parse_keys
from application import app, protection

def verifier_of(vector, document, said):
    policy = Policy(
        timedelta(seconds=said["leeway"]), timedelta(seconds=said["token_max_age"]), frozenset(said["algorithms"]),
        said["requires_status"], WhenStale(said["when_stale"]),
    )
    lists, now = said["status_lists"].removesuffix("/"), vector["now"]
    endpoints = Endpoints(said["issuer"] + "/jwks.json", lists)
    made = Verifier(said["issuer"], said["audience"], policy=policy, endpoints=endpoints, seams=Seams(lambda: now))
    text = vector["status_list"]
    try:
        made.learn(KeySet(parse_keys(document), document, None, now), {} if text is None else {lists + "/1": text})
    except ValueError:
        pass  # a key set or a list that is refused as a whole
    return made

async def verdicts(file):
    parts = json.loads(file.read_text())
    async with AsyncClient(transport=ASGITransport(app), base_url="http://api") as client:
        for vector in parts["vectors"]:
            document, said = parts["key_sets"][vector["key_set"]].encode(), parts["policies"][vector["policy"]]
            vars(protection.verifier).update(vars(verifier_of(vector, document, said)))
            header = b"Bearer " + vector["token"].encode("latin-1")
            status = (await client.get("/invoices", headers=[(b"Authorization", header)])).status_code
            yield vector["name"], (vector["verdict"] == "accept", status)

async def main():
    seen = [each for name in sys.argv[2:] async for each in verdicts(Path(sys.argv[1], f"{name}.json"))]
    wrong = [(name, *how) for name, how in seen if how not in ((True, 403), (False, 400), (False, 401), (False, 503))]
    print(json.dumps([len(seen), wrong]))

asyncio.run(main())
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
def test_the_lines_of_the_readme_refuse_every_forged_token_of_the_vectors(python: Path, tmp_path: Path) -> None:
    """And accept the good ones, each with its keys, list, policy and time."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (tmp_path / "application.py").write_text(text.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    (tmp_path / "vectors.py").write_text(VECTORS, encoding="utf-8")
    folder, files = PACKAGE.parent / "vectors", ("tokens", "algorithms", "key_sets", "status_lists")
    seen, wrong = json.loads(run(python, "vectors.py", folder, *files, folder=tmp_path))
    assert (seen > 500, wrong) == (True, [])


@pytest.mark.process
def test_the_wheel_is_typed_and_has_what_it_needs(python: Path, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", tmp_path / "cache")
    assert 'Revealed type is "frozenset[str]"' in run(*mypy, "typed.py", folder=tmp_path).replace("builtins.", "")
    required = run(python, "-c", "import importlib.metadata as m; print(m.requires('atjwt'))", folder=tmp_path)
    assert [each.split(">")[0] for each in eval(required) if "extra" not in each] == ["cryptography", "httpx2"]
