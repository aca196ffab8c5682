"""atjwt for TypeScript in Cloudflare's workerd: all vectors, and an API. Tried by `./run.py test --guests` only."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import TIMEOUT, built, installed, node
from e2e_fixtures.waiting import wait_until

PACKAGE = ROOT / "todo-service/verifier/typescript"
VECTORS = sorted((PACKAGE.parent / "vectors").glob("*.json"))
WORKERD = ROOT / "tests-e2e/guests/workerd"
CONFIGURATION = """
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [(name = "worker", esModule = embed "worker.js")], compatibilityDate = "2025-09-01"))],
  sockets = [(name = "http", address = "127.0.0.1:PORT", http = (), service = "main")]
);
"""

pytestmark = pytest.mark.skipif(
    os.environ.get("GUESTS") != "all", reason="workerd is tried by ./run.py test --guests (it is 155 MB)"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("workerd"), free_port()
    rolldown = [node(), "node_modules/rolldown/bin/cli.mjs", "tests/workerd.ts", "--file", str(folder / "worker.js")]
    ran = subprocess.run(rolldown, cwd=built(PACKAGE), capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (folder / "config.capnp").write_text(CONFIGURATION.replace("PORT", str(port)), encoding="utf-8")
    log = folder / "log"
    [program] = (installed(WORKERD) / "node_modules/@cloudflare").glob("workerd-*/bin/workerd")
    command = [str(program), "serve", "config.capnp"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=folder, env=ambient(), stdout=output, stderr=output) as process,
    ):
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until(lambda: process.poll() is not None or answers(address))
            assert process.poll() is None, log.read_text(encoding="utf-8")
            yield address
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code < 600
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("file", VECTORS, ids=lambda file: file.stem)
def test_every_verdict_and_reason_of_the_vectors(url: str, file: Path) -> None:
    text = file.read_bytes()
    judged = httpx2.post(url, content=text, trust_env=False, timeout=60).json()
    assert judged == {"count": len(json.loads(text)["vectors"]), "wrong": []}


def test_a_worker_protects_an_api_and_refuses_a_revoked_token(url: str) -> None:
    assert httpx2.get(url, trust_env=False).json() == [200, 401, 401, 401]
