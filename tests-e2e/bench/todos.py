"""Requests per second of the todo API: one process on PostgreSQL, driven by wrk.

    python tests-e2e/bench/todos.py            needs Docker with postgres:17, and wrk

Every figure is measured with a thousand rows and with a million, which the database itself inserts. "No authentication"
is the same handler, which gets a ready token without verifying one.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg

ROOT = Path(__file__).resolve().parents[2]
CODE = [str(ROOT / "todo-service"), str(ROOT / "todo-service/verifier/python")]
sys.path += CODE

from todo_fixtures import issuer, stores  # noqa: E402 - found by the line above

SECONDS, CONNECTIONS, ROUNDS = 3, 8, 2
FILL = """
INSERT INTO todos
(owner, id, title, notes, status, priority, due_at, position, version, created_at, updated_at, sequence)
SELECT CASE WHEN n <= 1000 THEN 'alice' ELSE 'owner ' || n / 1000 END, gen_random_uuid(), 'todo ' || n,
       'some notes to carry around', 'open', mod(n, 4), '9999-12-31 23:59:59.999999+00',
       lpad(n::text, 11, '0') || 'V', 1,
       now(), now(), n
FROM generate_series(%s::int, %s::int) AS n
"""
COUNT = "INSERT INTO owners SELECT owner, max(sequence), count(*) FROM todos GROUP BY owner ON CONFLICT DO NOTHING"

# The application, in which BENCH_OPEN=1 replaces the verification of tokens by a fixed token.
OPEN_APP = """
import os, sys
from fastapi import Request
from todo_service.settings.settings import load_settings
from atjwt.access_token import AccessToken
from todo_service.app import create_app
from todo_service.http.authentication import BearerToken

TOKEN = AccessToken(sub="alice", client_id="web", jti="1", iat=0, exp=2**33, scope=frozenset(["todos:read"]))

async def given(self, request: Request):
    return TOKEN

if os.environ.pop("BENCH_OPEN", "") == "1":
    BearerToken.__call__ = given
app = create_app(load_settings())
import uvicorn
from todo_service.telemetry import logs
logs.configure("INFO")
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
"""


def main() -> None:
    token = issuer.token(sub="alice", exp=int(time.time()) + 3600)
    creator = issuer.token(sub="creator", exp=int(time.time()) + 3600)
    with stores.postgres() as url, issuer.serve_jwks() as jwks, tempfile.TemporaryDirectory() as folder:
        stores.create_serving_role(url)
        environ = _environ(url, jwks.url, Path(folder))
        subprocess.run([sys.executable, "-m", "todo_service", "migrate"], env=environ, check=True)
        figures: dict[str, dict[str, float]] = {}
        for rows, first in ((1_000, 1), (1_000_000, 1_001)):
            _fill(url, first, rows)
            with _serving(environ, Path(folder)) as service, _serving(environ, Path(folder), open_=True) as without:
                todo_id = httpx2.get(f"{service}/api/v1/todos?limit=1", headers=_bearer(token)).json()["items"][0]["id"]
                figures[f"{rows:,}"] = _measure(service, without, token, creator, todo_id)
    _print(figures)


def _environ(url: str, jwks_url: str, folder: Path) -> dict[str, str]:
    settings = {
        "TODO_ISSUER": issuer.ISSUER,
        "TODO_AUTH_URL": jwks_url,
        "TODO_DATABASE_URL": stores.serving_url(url),
        "TODO_MIGRATION_DATABASE_URL": url,
        "TODO_JWKS_FILE": str(folder / "jwks.json"),
        "TODO_REQUIRE_STATUS": "off",  # the issuer here has no status lists
        "TODO_STATUS_LISTS_FILE": str(folder / "status_lists.json"),
        "TODO_QUOTA": "10000000",
        "TODO_RATE_LIMIT": "off",
    }
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(CODE)}


def _fill(url: str, first: int, last: int) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(FILL, (first, last))
        connection.execute(COUNT)
        connection.execute("VACUUM ANALYZE")


@contextmanager
def _serving(environ: dict[str, str], folder: Path, *, open_: bool = False) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**environ, "BENCH_OPEN": "1" if open_ else "0"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", OPEN_APP, str(port)], env=environ, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit("todo-service did not become ready")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _measure(service: str, without: str, token: str, creator: str, todo_id: str) -> dict[str, float]:
    """Requests per second. Rounds are interleaved, and each call's best counts, as disturbances only slow it down."""
    body = json.dumps({"title": "Buy milk", "notes": "2 l"})
    calls: dict[str, tuple[Any, ...]] = {
        "page of 50": (f"{service}/api/v1/todos", token, ""),
        "read": (f"{service}/api/v1/todos/{todo_id}", token, ""),
        "read, no authentication": (f"{without}/api/v1/todos/{todo_id}", token, ""),
        "create": (f"{service}/api/v1/todos", creator, body),
    }
    best = dict.fromkeys(calls, 0.0)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            best[name] = max(best[name], _wrk(*call))
    return best


def _wrk(url: str, token: str, body: str) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f'wrk.headers["Authorization"] = "Bearer {token}"\n')
        if body:
            script.write(f"wrk.method = \"POST\"\nwrk.body = '{body}'\n")
            script.write('wrk.headers["Content-Type"] = "application/json"\n')
        script.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script.name, url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout:
        raise SystemExit(f"{url} refuses:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate is not None
    return float(rate[1])


def _print(figures: dict[str, dict[str, float]]) -> None:
    small, large = figures.values()
    print(f"{'requests per second, rows:':28}" + "".join(f"{rows:>12}" for rows in figures) + f"{'cost':>8}")
    for name in small:
        print(f"{name:28}{small[name]:12.0f}{large[name]:12.0f}{small[name] / large[name]:8.2f}")
    ratios = [each["read"] / each["read, no authentication"] for each in figures.values()]
    print(f"{'read / no authentication':28}" + "".join(f"{ratio:12.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
