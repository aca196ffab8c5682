"""atjwt for TypeScript: an Express API as the README of the package shows it, and the package in Deno."""

import json
import re
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import TIMEOUT, installed, node
from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.programs import program
from e2e_fixtures.revocations import REVOCATIONS
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

PACKAGE = ROOT / "todo-service/verifier/typescript"
README = (PACKAGE / "README.md").read_text(encoding="utf-8")
EXPRESS = textwrap.dedent(re.findall(r"\*\*Express\*\*\n\n((?: {4}.*\n|\n)+)", README)[0])


@pytest.fixture(scope="module")
def folder() -> Path:
    """The built package. Files in its folder may import it by its own name."""
    built = installed(PACKAGE)
    build = [node(), "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]
    done = subprocess.run(build, cwd=built, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout
    return built


def test_deno_passes_all_vectors_without_a_socket(folder: Path, tmp_path: Path) -> None:
    """Deno allows no network; `tests/deno.ts` also runs a verifier with hints, and one that starts from copies."""
    vectors = PACKAGE.parent / "vectors"
    count = sum(len(json.loads(file.read_bytes())["vectors"]) for file in vectors.glob("*.json"))
    options = ["--no-prompt", "--no-remote", "--node-modules-dir=manual", "--allow-read", f"--allow-write={tmp_path}"]
    command = [program("deno"), "run", *options, "tests/deno.ts", str(vectors), str(tmp_path / "copies")]
    environ = {**ambient(), "DENO_DIR": str(tmp_path / "cache"), "DENO_NO_UPDATE_CHECK": "1"}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{count} vectors\n"), done.stderr


@pytest.fixture(scope="module")
def url(folder: Path, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The README's API as a process. Its audience is the todo API's, so that the stack has tokens for it."""
    port = free_port()
    api = EXPRESS.replace("https://id.example.com", stack.url).replace("https://api.example.com", f"{stack.url}/api/v1")
    api = api.replace("billing:read", "todos:read") + f"app.listen({port}, '127.0.0.1');\n"
    script = folder / f"express-{port}.mjs"
    script.write_text(api, encoding="utf-8")
    with (tmp_path_factory.mktemp("express") / "log").open("w") as log:
        process = subprocess.Popen([node(), str(script)], cwd=folder, stdout=log, stderr=log, env=ambient())
    try:
        address = f"http://127.0.0.1:{port}/invoices"
        wait_until(lambda: process.poll() is not None or _answers(address))
        assert process.poll() is None, Path(log.name).read_text(encoding="utf-8")
        yield address
    finally:
        process.kill()
        process.wait()
        script.unlink()


def _answers(url: str) -> bool:
    try:
        return _ask(url, "x").status_code in (401, 503)
    except httpx2.TransportError:
        return False


def _ask(url: str, token: str) -> httpx2.Response:
    return httpx2.get(url, headers=bearer(token), trust_env=False, timeout=30)


def test_a_sign_out_is_followed_and_other_tokens_stay_good(url: str, stack: Stack) -> None:
    """Also that keys and lists of the real issuer are found by its metadata."""
    revocable, other = REVOCATIONS["sign-out"](stack), sign_up(stack).token()
    wait_until(lambda: _ask(url, revocable.token).status_code == 200)
    revocable.end()
    wait_until(lambda: _ask(url, revocable.token).status_code == 401)
    assert "has been revoked" in _ask(url, revocable.token).headers["WWW-Authenticate"]
    assert _ask(url, other).status_code == 200
    refused = _ask(url, "a.b.c")
    metadata = f'resource_metadata="{stack.url}/.well-known/oauth-protected-resource/api/v1"'
    assert (refused.status_code, metadata in refused.headers["WWW-Authenticate"]) == (401, True)
