"""atjwt's adapters with the frameworks they are for, in an environment of their own, as the README shows them."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from e2e_fixtures.checkout import ROOT, ambient

PACKAGE = ROOT / "todo-service/verifier/python"
LOCK = PACKAGE / "requirements-adapters.txt"
TIMEOUT = 600  # seconds for an installation
METADATA = "https://api.example.com/.well-known/oauth-protected-resource"

# Calls the README's application in each way, and prints status and challenge. `call` is the framework's own client.
CALLS = """
import json
from datetime import timedelta
from atjwt.testing import Issuer
from client import call, protection

with Issuer() as issuer, issuer.standing_in_for(protection.verifier):
    good = issuer.token("bob", scope="invoices:read")
    seen = {
        "issuer": issuer.url,
        "good": call(f"Bearer {good}"),
        "no scope": call(f"Bearer {issuer.token('bob')}"),
        "no token": call(None),
        "forged": call(f"Bearer {good[:-8]}AAAAAAAA"),
        "two tokens": call(f"Bearer {good}, Bearer {good}"),
        "query": call(f"Bearer {good}", "/invoices?access_token=a"),
        "metadata": call(None, "/.well-known/oauth-protected-resource"),
        "roles": [call(f"Bearer {issuer.token('bob', roles=roles)}", "/roles") for roles in ([], ["accountant"])],
        "ages": [call(f"Bearer {issuer.token('bob', signed_in=timedelta(seconds=s))}", "/recent") for s in (900, 9)],
    }
    issuer.revoke(good)
    seen["revoked"] = call(f"Bearer {good}")
    issuer.down()
    issuer.travel(timedelta(hours=25))  # keys are trusted for 24 hours
    seen["outage"] = call(f"Bearer {issuer.token('bob', scope='invoices:read')}")
print(json.dumps(seen))
"""
FLASK = """
from flask import g
from application import app, protection

@app.get("/roles")
@protection.requires(role="accountant")
def roles():
    return g.token.sub

@app.get("/recent")
@protection.requires(max_age=300)
def recent():
    return g.token.sub

def call(authorization, path="/invoices"):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = app.test_client().get(path, headers=headers)
    return answer.status_code, answer.headers.get("WWW-Authenticate"), answer.headers.get("Retry-After"), answer.text
"""

DJANGO = """
import django
from django.conf import settings
import lines
names = {name: getattr(lines, name) for name in dir(lines) if name.isupper()}
settings.configure(ROOT_URLCONF="client", ALLOWED_HOSTS=["*"], **names)
django.setup()

import application
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from atjwt.django import requires, verifier_thread

protection = verifier_thread()

@requires(role="accountant")
def roles(request):
    return HttpResponse(request.token.sub)

@requires(max_age=300)
async def recent(request):
    return HttpResponse(request.token.sub)

views = {"invoices": application.invoices, "roles": roles, "recent": recent}
urlpatterns = [path(name, view) for name, view in views.items()]

def call(authorization, path="/invoices"):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client().get(path, headers=headers)
    values = answer.headers
    return answer.status_code, values.get("WWW-Authenticate"), values.get("Retry-After"), answer.content.decode()
"""
STARTS = """
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
issuer = {"ATJWT_ISSUER": "http://id.example.com", "ATJWT_AUDIENCE": "https://api.example.com"}
settings.configure(MIDDLEWARE=["atjwt.django.Metadata"], **issuer)
try:
    WSGIHandler()
except ValueError as error:
    print(error)
"""


def run(*command: str | Path, folder: Path) -> str:
    """The output of a command that succeeds."""
    ran = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**ambient(), "PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with the frameworks, as they are locked."""
    environment = ROOT / ".run" / f"adapters-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    interpreter = environment / "bin/python"
    if not (environment / "is-complete").exists():  # written last, so an interrupted installation is made anew
        run(sys.executable, "-m", "venv", "--clear", environment, folder=ROOT)
        pip = (interpreter, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        run(*pip, "--require-hashes", "-r", LOCK, folder=ROOT)
        (environment / "is-complete").touch()
    return interpreter


def lines_of_the_readme(framework: str) -> list[str]:
    """The blocks of Python in the framework's section."""
    section = (PACKAGE / "README.md").read_text(encoding="utf-8").partition(f"\n### {framework}\n")[2]
    return re.findall(r"```python\n(.*?)```", re.split(r"\n##", section)[0], re.DOTALL)


@pytest.mark.process
@pytest.mark.parametrize(("framework", "client"), [("Flask", FLASK), ("Django", DJANGO)], ids=["flask", "django"])
def test_the_lines_of_the_readme_protect_an_api(python: Path, tmp_path: Path, framework: str, client: str) -> None:
    """A good token, none, a forged one, a revoked one, one that shows too little; an issuer that is away too long."""
    *settings, application = lines_of_the_readme(framework)
    (tmp_path / "lines.py").write_text("".join(settings), encoding="utf-8")
    (tmp_path / "application.py").write_text(application, encoding="utf-8")
    (tmp_path / "client.py").write_text(client, encoding="utf-8")
    (tmp_path / "calls.py").write_text(CALLS, encoding="utf-8")
    seen = json.loads(run(python, "-W", "error", "calls.py", folder=tmp_path))

    def challenge(error: str) -> str:
        return f'Bearer error="{error}", error_description="'

    end = f'resource_metadata="{METADATA}"'
    assert seen["good"] == [200, None, None, "invoices of bob"]
    assert seen["no token"][:2] == [401, f"Bearer {end}"]
    for name, status, error in (
        ("no scope", 403, "insufficient_scope"),
        ("forged", 401, "invalid_token"),
        ("revoked", 401, "invalid_token"),
        ("two tokens", 400, "invalid_request"),
        ("query", 400, "invalid_request"),
    ):
        assert seen[name][0] == status, name
        assert seen[name][1].startswith(challenge(error)), name
        assert seen[name][1].endswith(end), name
    assert [each[0] for each in seen["roles"]] == [403, 200]
    assert [each[0] for each in seen["ages"]] == [401, 200]
    assert seen["ages"][0][1].startswith(challenge("insufficient_user_authentication"))
    assert seen["outage"][:3] == [503, None, "5"]
    assert json.loads(seen["metadata"][3]) == {
        "resource": "https://api.example.com",
        "authorization_servers": [seen["issuer"]],
        "scopes_supported": ["invoices:read"],
        "bearer_methods_supported": ["header"],
    }


@pytest.mark.process
def test_django_does_not_start_with_an_issuer_that_is_not_https(python: Path, tmp_path: Path) -> None:
    (tmp_path / "starts.py").write_text(STARTS, encoding="utf-8")
    assert "https" in run(python, "-W", "error", "starts.py", folder=tmp_path)
