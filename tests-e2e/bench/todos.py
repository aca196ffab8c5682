"""Requests per second of the todo API: one process on PostgreSQL, driven by wrk.

    python tests-e2e/bench/todos.py            needs Docker with postgres:17 or Debian's postgresql, and wrk

Every figure is measured with a thousand rows and with a million, which the database itself inserts; each owner has 50.
Commits wait for the disk, as in a deployment. Many owners ask one after the other, each with a token and todos of their
own. The rounds of all calls alternate; the figure is their median. The processor time is that of todo-service alone,
not of PostgreSQL and wrk. "No authentication" is the same handler, which gets the owner from the request without
verifying a token. A read with a token has to reach 0.95 of that, and every call as much with a million rows as with a
thousand, less the noise: at most FLAT times less.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psycopg

ROOT = Path(__file__).resolve().parents[2]
CODE = [str(ROOT / "todo-service"), str(ROOT / "todo-service/verifier/python")]
sys.path += [*CODE, str(ROOT / "tests-e2e")]

from e2e_fixtures.wrk import Asked, load, processor_seconds  # noqa: E402
from todo_fixtures import issuer, stores  # noqa: E402 - found by the line above

SECONDS, CONNECTIONS, ROUNDS = 3, 8, 5
AUTHENTICATED, FLAT = 0.95, 1.15
OWN = 50  # todos of an owner
ASKING = 500  # owners who ask, at most; all have 50 todos
FILL = """
INSERT INTO todos
(owner, id, title, notes, status, priority, due_at, position, version, created_at, updated_at, sequence,
 octets, folded, folded_version)
SELECT 'owner ' || (n - 1) / 50, gen_random_uuid(), 'todo ' || n,
       'some notes to carry around', 'open', mod(n, 4), '9999-12-31 23:59:59.999999+00',
       lpad(n::text, 11, '0') || 'V', 1,
       now(), now(), n,
       550, 'todo ' || n || E'\\nsome notes to carry around', 1
FROM generate_series(%s::int, %s::int) AS n
"""
COUNT = "INSERT INTO owners SELECT owner, max(sequence), count(*) FROM todos GROUP BY owner ON CONFLICT DO NOTHING"

# The application, in which BENCH_OPEN=1 replaces the verification of tokens by a fixed token.
OPEN_APP = """
import dataclasses, os, sys
from fastapi import Request
from todo_service.settings.settings import load_settings
from atjwt.access_token import AccessToken
from todo_service.app import create_app
from todo_service.http.authentication import BearerToken

TOKEN = AccessToken(sub="", client_id="web", jti="1", iat=0, exp=2**33, scope=frozenset(["todos:read"]))

async def given(self, request: Request):
    return dataclasses.replace(TOKEN, sub=request.headers["X-Owner"])

if os.environ.pop("BENCH_OPEN", "") == "1":
    BearerToken.__call__ = given
app = create_app(load_settings())
import uvicorn
from todo_service.telemetry import logs
logs.configure("INFO")
from todo_service.commands.whole_responses import WholeResponses
options = {"log_config": None, "access_log": False, "server_header": False, "http": WholeResponses, "ws": "none"}
uvicorn.run(app, port=int(sys.argv[1]), **options)
"""


@dataclass
class Figure:
    """Of each round: requests per second, microseconds of processor time per request, and the slowest percent in ms."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return statistics.median(self.p99s)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    @property
    def spread(self) -> float:
        """How far apart the rounds are, as a part of their median: the noise."""
        return (max(self.rates) - min(self.rates)) / self.rate


@dataclass(frozen=True)
class Service:
    url: str
    pid: int


Call = tuple[Service, list[Asked]]


def main() -> int:
    return _report(measure())


def measure(names: Sequence[str] = ()) -> dict[str, dict[str, Figure]]:
    """The figures of each call, or of those named, by the number of rows."""
    with stores.postgres(is_durable=True) as url, issuer.serve_jwks() as jwks, tempfile.TemporaryDirectory() as folder:
        stores.create_serving_role(url)
        environ = _environ(url, jwks.url, Path(folder))
        subprocess.run([sys.executable, "-m", "todo_service", "migrate"], env=environ, check=True)
        figures: dict[str, dict[str, Figure]] = {}
        print(_versions(url))
        for rows, first in ((1_000, 1), (1_000_000, 1_001)):
            _fill(url, first, rows)
            asking = _asking(url, rows // OWN)
            with _serving(environ, Path(folder)) as service, _serving(environ, Path(folder), open_=True) as without:
                figures[f"{rows:,}"] = _measure(service, without, asking, names)
    return figures


def _versions(url: str) -> str:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        server = connection.info.parameter_status("server_version")
        durable = connection.execute("SHOW fsync").fetchone()
    assert durable is not None
    return f"Python {sys.version.split()[0]}, psycopg {psycopg.__version__}, PostgreSQL {server}, fsync {durable[0]}"


def _asking(url: str, owners: int) -> list[tuple[str, str]]:
    """The owners who ask, spread over all of them, each with the id of one todo."""
    step = max(1, owners // ASKING)
    names = [f"owner {number}" for number in range(0, owners, step)]
    query = "SELECT DISTINCT ON (owner) owner, id::text FROM todos WHERE owner = ANY(%s)"
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(query, (names,)).fetchall()


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
def _serving(environ: dict[str, str], folder: Path, *, open_: bool = False) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {**environ, "BENCH_OPEN": "1" if open_ else "0"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", OPEN_APP, str(port)], env=environ, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url)
            yield Service(url, process.pid)
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit("todo-service did not become ready")


def _measure(
    service: Service, without: Service, asking: list[tuple[str, str]], names: Sequence[str]
) -> dict[str, Figure]:
    expiry = int(time.time()) + 3600
    own = {owner: _bearer(owner, expiry) for owner, _ in asking}
    creators = [_bearer(f"creator {number}", expiry) for number in range(50)]
    page = "/api/v1/todos"
    items = [(f"{page}/{todo}", own[owner]) for owner, todo in asking]
    listed = [(_new_list(service, headers), headers) for headers in creators]
    calls: dict[str, Call] = {
        "page of 50": (service, [Asked(page, headers) for headers in own.values()]),
        "search of 50 by a word": (service, [Asked(f"{page}?q=carry", headers) for headers in own.values()]),
        "read": (service, [Asked(path, headers) for path, headers in items]),
        "read, no authentication": (without, [Asked(f"{page}/{todo}", {"X-Owner": owner}) for owner, todo in asking]),
        "create": (service, [_sent(page, headers, title="Buy milk", notes="2 l") for headers in creators]),
        "create in a list": (service, [_sent(page, headers, title="Buy milk", list_id=id_) for id_, headers in listed]),
        "change": (service, [_sent(*item, "PATCH", priority=rank) for rank in (1, 2) for item in items]),
    }
    calls = {name: call for name, call in calls.items() if name in names or not names}
    figures = {name: Figure() for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            rate, cost, p99 = _wrk(*call)
            figures[name].rates.append(rate)
            figures[name].costs.append(cost)
            figures[name].p99s.append(p99)
    return figures


def _bearer(owner: str, expiry: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.token(sub=owner, exp=expiry)}"}


def _new_list(service: Service, headers: dict[str, str]) -> str:
    made = httpx2.post(f"{service.url}/api/v1/lists", json={"name": "Shopping"}, headers=headers, trust_env=False)
    return str(made.raise_for_status().json()["id"])


def _sent(path: str, headers: dict[str, str], method: str = "POST", **members: object) -> Asked:
    return Asked(path, {**headers, "Content-Type": "application/json"}, method, json.dumps(members))


def _wrk(service: Service, asked: list[Asked]) -> tuple[float, float, float]:
    """One round, as in Figure."""
    with tempfile.TemporaryDirectory() as folder:
        before = processor_seconds(service.pid)
        loaded = load(service.url, asked, Path(folder), connections=CONNECTIONS, seconds=SECONDS)
        spent = processor_seconds(service.pid) - before
    return loaded.rate, spent / loaded.count * 1e6, loaded.p99_ms


def _report(figures: dict[str, dict[str, Figure]]) -> int:
    small, large = figures.values()
    heads = "".join(f"{f'{rows} rows':>16}{'us each':>10}{'noise':>8}" for rows in figures)
    print(f"{'requests per second':28}{heads}{'cost':>8}")
    is_flat = True
    for name in small:
        shown = "".join(f"{each.rate:16.0f}{each.cost:10.0f}{each.spread:8.0%}" for each in (small[name], large[name]))
        cost = small[name].rate / large[name].rate
        is_flat &= cost <= FLAT
        print(f"{name:28}{shown}{cost:8.2f}{'' if cost <= FLAT else f'  MISSED: at most {FLAT}'}")
    ratios = [each["read"].rate / each["read, no authentication"].rate for each in figures.values()]
    is_near = min(ratios) >= AUTHENTICATED
    verdict = "" if is_near else f"  MISSED: at least {AUTHENTICATED}"
    print(f"{'read / no authentication':28}" + "".join(f"{ratio:16.2f}{'':18}" for ratio in ratios) + verdict)
    return int(not (is_flat and is_near))


if __name__ == "__main__":
    sys.exit(main())
