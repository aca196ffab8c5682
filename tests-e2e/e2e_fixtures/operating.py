"""What the tests of the operator guide share: its commands, all secrets of a project, and visitors meanwhile."""

import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.composed import Composed, docker

GUIDE = (ROOT / "deploy/README.md").read_text(encoding="utf-8").partition("## Operating")[2].partition("\n## ")[0]
PARAGRAPHS = dict(re.findall(r"^\*\*(.+?)\.\*\*(?:.*\n)+?\n((?:    .+\n)+)", GUIDE, re.MULTILINE))


@contextmanager
def visitors(composed: Composed) -> Iterator[list[str]]:
    """Three visitors who make requests until the end of the block, and the outcome of each request."""
    outcomes: list[str] = []
    ended = threading.Event()

    def visit(method: str, path: str) -> None:
        client = composed.stack.client()
        while not ended.wait(0.4):
            try:
                outcomes.append(str(client.request(method, path).status_code))
            except httpx2.TransportError as error:
                outcomes.append(f"{method} {path}: {type(error).__name__}")

    calls = (("GET", "/api/auth/ok"), ("GET", "/"), ("POST", "/oauth/token"))
    with ThreadPoolExecutor(len(calls)) as pool:
        visiting = [pool.submit(visit, *call) for call in calls]
        try:
            yield outcomes
        finally:
            ended.set()
    for each in visiting:
        each.result()


READ_ALL = (
    "import json,pathlib as p; print(json.dumps({f.name: f.read_text().strip() for f in p.Path('/s').iterdir()}))"
)


def secrets_of(composed: Composed) -> dict[str, str]:
    """All secrets by volume and name, read as root; no single process of the system can read all of them.

    Without a mail server its URL is `off`, which is no secret.
    """
    found: dict[str, str] = {}
    for volume in ("auth-secrets", "todo-secrets", "todo-migration-secrets", "database-secrets", "redis-secrets"):
        mount = f"--volume={composed.project}_{volume}:/s:ro"
        image = composed.image("auth-service")
        shown = docker(
            "run", "--rm", "--user=0", "--network=none", mount, "--entrypoint=python3", image, "-c", READ_ALL
        )
        found |= {f"{volume}/{name}": value for name, value in json.loads(shown).items() if value not in ("", "off")}
    return found
