"""atjwt as another team installs it: a wheel, in an environment with its frameworks, far from this repository."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deploy.local.ports import free_port

from e2e_fixtures import vector_programs
from e2e_fixtures.checkout import ambient
from e2e_fixtures.wheel import PACKAGE, installed_wheel, lines_of_the_readme, nginx, recipe_of_the_sidecar, run

VECTORS = PACKAGE.parent / "vectors"
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


@pytest.fixture(scope="module")
def python() -> Path:
    return installed_wheel()


@pytest.mark.process
def test_the_lines_of_the_readme_protect_an_api_in_an_empty_folder(python: Path, tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text("".join(lines_of_the_readme("Protect your API")), encoding="utf-8")
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    assert run(python, "calls.py", folder=tmp_path) == "200 403 401 401\n"


@pytest.mark.process
def test_fastapi_flask_django_and_nginx_refuse_every_vector_that_is_to_be_refused(python: Path, tmp_path: Path) -> None:
    """And accept the others, each with its keys, list, policy, time and proof. The lines are those of the pages.

    They need no scope here, so that an accepted token is 200.
    """
    [fastapi], [flask], [settings, django] = map(lines_of_the_readme, ("Protect your API", "Flask", "Django"))
    for name, text in (
        ("fastapi_application", fastapi + vector_programs.FASTAPI_ADDED),
        ("flask_application", flask + vector_programs.FLASK_ADDED),
        ("django_settings", settings),
        ("django_application", django),
        ("django_site", vector_programs.DJANGO_SITE),
        ("vectors", vector_programs.PYTHON),
    ):
        (tmp_path / f"{name}.py").write_text(text.replace('"invoices:read"', '""'), encoding="utf-8")
    port, sidecar, service = free_port(), free_port(), free_port()
    recipe = recipe_of_the_sidecar("nginx").replace("/billing/", "/").replace("?scope=billing:read", "")
    recipe = recipe.replace("127.0.0.1:9400", f"127.0.0.1:{sidecar}").replace("127.0.0.1:3000", f"127.0.0.1:{service}")
    command = nginx(
        tmp_path,
        f"server {{ listen 127.0.0.1:{port};\n{recipe}\n}}",
        f"server {{ listen 127.0.0.1:{service}; return 200; }}",
    )
    with subprocess.Popen(command, env=ambient(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as proxy:
        try:
            count, wrong = json.loads(run(python, "vectors.py", VECTORS, str(port), str(sidecar), folder=tmp_path))
        finally:
            proxy.terminate()
    assert count == sum(len(json.loads(file.read_bytes())["vectors"]) for file in VECTORS.glob("*.json"))
    assert wrong == []


@pytest.mark.process
def test_the_wheel_is_typed_and_has_what_it_needs(python: Path, tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED, encoding="utf-8")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--cache-dir", tmp_path / "cache")
    assert 'Revealed type is "frozenset[str]"' in run(*mypy, "typed.py", folder=tmp_path).replace("builtins.", "")
    required = run(python, "-c", "import importlib.metadata as m; print(m.requires('atjwt'))", folder=tmp_path)
    assert [each.split(">")[0] for each in eval(required) if "extra" not in each] == ["cryptography", "httpx2"]
