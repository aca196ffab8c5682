"""The commands, run as processes: exit codes, one line per error, logs without secrets, and memory."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from todo_fixtures.issuer import ISSUER, JwksEndpoint, token
from todo_fixtures.service import wait_until

FOLDER = Path(__file__).parents[1]
CODE = os.pathsep.join(map(str, (FOLDER, FOLDER / "verifier/python")))


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TODO_", "AUTH_"))}
    return {
        **inherited,
        "PYTHONPATH": CODE,
        "TODO_ISSUER": ISSUER,
        "TODO_REQUIRE_STATUS": "off",
        **settings,
    }


def command(*arguments: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "todo_service", *arguments],
        cwd=cwd,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=180,
    )


@contextmanager
def serving(cwd: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = cwd / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "todo_service", "serve", "--port", str(port), *arguments],
            cwd=cwd,
            env=environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or answers(url), seconds=60)  # a process needs time to start
        yield process, url, log
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.process
def test_wrong_usage_is_2(tmp_path: Path) -> None:
    assert command("dance", cwd=tmp_path).returncode == 2
    assert command("serve", "--port", "x", cwd=tmp_path).returncode == 2


@pytest.mark.process
@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        pytest.param(["serve"], {"TODO_FOO": "1"}, "TODO_FOO: there is no such setting", id="unknown-setting"),
        pytest.param(["serve"], {}, "todo-service migrate", id="not-migrated"),
        pytest.param(
            ["serve"],
            {"TODO_DATABASE_URL": "sqlite+aiosqlite:////missing/x.db"},
            "cannot reach the database",
            id="no-file",
        ),
        pytest.param(
            ["migrate"],
            {"TODO_DATABASE_URL": "postgresql+psycopg://x:hunter2@127.0.0.1:1/x"},
            "cannot migrate",
            id="no-server",
        ),
        pytest.param(
            ["migrate"], {"TODO_DATABASE_URL": "sqlite+aiosqlite:////missing/x.db"}, "cannot migrate", id="no-folder"
        ),
    ],
)
def test_a_refusal_is_1_and_one_line(tmp_path: Path, arguments: list[str], settings: dict[str, str], said: str) -> None:
    refused = command(*arguments, cwd=tmp_path, **settings)
    assert refused.returncode == 1
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "hunter2" not in refused.stderr


@pytest.mark.process
def test_a_taken_port_is_named(tmp_path: Path, sqlite_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = command("serve", "--port", port, cwd=tmp_path, TODO_DATABASE_URL=sqlite_url)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert port in refused.stderr


def migrate_at_once(cwd: Path, **settings: str) -> None:
    """Run `migrate` in several processes at once, then once more. One of them migrates; none fails."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "todo_service", "migrate"],
            cwd=cwd,
            env=environment(**settings),
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in started:
        _, complaint = process.communicate(timeout=180)
        assert (process.returncode, complaint) == (0, b"")
    assert command("migrate", cwd=cwd, **settings).returncode == 0


@pytest.mark.process
def test_migrating_twice_and_at_once_makes_one_schema_and_one_key_on_sqlite(tmp_path: Path) -> None:
    migrate_at_once(tmp_path)
    with sqlite3.connect(tmp_path / "todo.db") as connection:
        assert connection.execute("SELECT count(*), min(length(secret)) FROM cursor_key").fetchall() == [(1, 32)]
    connection.close()


def test_migrating_twice_and_at_once_makes_one_schema_and_one_key_on_postgres(
    tmp_path: Path, empty_postgres: str
) -> None:
    migrate_at_once(tmp_path, TODO_DATABASE_URL=empty_postgres)
    with psycopg.connect(empty_postgres.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*), min(length(secret)) FROM cursor_key").fetchall() == [(1, 32)]


@pytest.mark.process
def test_a_schema_of_a_newer_version_is_refused(tmp_path: Path, sqlite_url: str) -> None:
    with sqlite3.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    refused = command("serve", cwd=tmp_path, TODO_DATABASE_URL=sqlite_url)
    assert (refused.returncode, "9999" in refused.stderr) == (1, True)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.process
def test_the_log_is_json_and_holds_no_secret(tmp_path: Path, sqlite_url: str, jwks: JwksEndpoint) -> None:
    settings = {"TODO_DATABASE_URL": sqlite_url, "TODO_AUTH_URL": jwks.url, "TODO_LOG_LEVEL": "DEBUG"}
    text, forged = token(), token(sub="mallory") + "x"
    with serving(tmp_path, **settings) as (process, url, log), httpx2.Client(base_url=url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {text}", "X-Forwarded-For": "203.0.113.7", "Cookie": "session=hunter2"}
        created = client.post("/api/v1/todos", json={"title": "Surprise party"}, headers=headers)
        client.get(created.headers["Location"] + "?note=hunter2", headers=headers)
        client.get("/api/v1/todos", params={"access_token": text})
        client.get("/api/v1/todos", headers={"Authorization": f"Bearer {forged}"})
        client.get("/api/v1/users/Mallory-the-user/todos", headers=headers)
        client.get("/nowhere/hunter2")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    logged = log.read_text()
    for secret in (
        "eyJ",
        "hunter2",
        "Surprise",
        "access_token",
        text[-40:],
        forged[-40:],
        created.json()["id"],
        "Mallory",
    ):
        assert secret not in logged, secret
    requests = [line for line in lines(log) if line["event"] == "request" and line["http.route"] != "/readyz"]
    assert [
        (line["http.request.method"], line["http.route"], line["http.response.status_code"]) for line in requests
    ] == [
        ("POST", "/api/v1/todos", 201),
        ("GET", "/api/v1/todos/{todo_id}", 200),
        ("GET", "/api/v1/todos", 400),
        ("GET", "/api/v1/todos", 401),
        ("GET", "/api/v1/users/{user_id}/todos", 403),
        ("GET", None, 404),
    ]
    assert requests[0].keys() >= {"timestamp", "level", "event", "logger", "service.name", "request_id", "duration_ms"}
    assert requests[0]["client.address"] == "203.0.113.7"
    assert requests[0]["request_id"] == created.headers["X-Request-ID"]


@pytest.mark.process
def test_a_log_that_is_full_costs_nobody_an_answer(tmp_path: Path, sqlite_url: str, jwks: JwksEndpoint) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    settings = {"TODO_DATABASE_URL": sqlite_url, "TODO_AUTH_URL": jwks.url, "TODO_LOG_LEVEL": "DEBUG"}
    with serving(tmp_path, **settings) as (process, url, _), httpx2.Client(base_url=url, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token()}"}
        assert client.post("/api/v1/todos", json={"title": "x"}, headers=headers).status_code == 201
        assert client.get("/api/v1/todos").status_code == 401
        assert client.get("/nowhere").status_code == 404
        assert process.poll() is None


@pytest.mark.process
def test_what_nobody_expected_is_a_500_and_one_line_of_log(tmp_path: Path, sqlite_url: str, jwks: JwksEndpoint) -> None:
    settings = {"TODO_DATABASE_URL": sqlite_url, "TODO_AUTH_URL": jwks.url}
    with serving(tmp_path, **settings) as (_, url, log):
        with sqlite3.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///")) as connection:
            # A row that the service never writes: its id is malformed.
            connection.execute(
                "INSERT INTO todos (owner, id, title, notes, status, priority, due_at, position, version, created_at,"
                " updated_at, sequence)"
                " VALUES ('alice', 'broken', 't', '', 'open', 0, '2027', 'a', 1, '2027', '2027', 1)"
            )
        connection.close()
        response = httpx2.get(f"{url}/api/v1/todos", headers={"Authorization": f"Bearer {token()}"}, trust_env=False)
        assert (response.status_code, response.headers["Content-Type"]) == (500, "application/problem+json")
        assert response.json()["type"] == "urn:problem-type:todo:internal-error"
        assert "Traceback" not in response.text
    failed = [line for line in lines(log) if line["event"] == "a request failed"]
    assert [line["request_id"] for line in failed] == [response.json()["request_id"]]
    assert failed[0]["exception.type"] == "ValueError"
    assert "find_page" in failed[0]["exception.stacktrace"]


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_a_ready_process_takes_at_most_105_mb(
    request: pytest.FixtureRequest, tmp_path: Path, jwks: JwksEndpoint, store: str
) -> None:
    database_url = request.getfixturevalue("sqlite_url" if store == "sqlite" else "empty_postgres")
    settings = {"TODO_DATABASE_URL": database_url, "TODO_AUTH_URL": jwks.url}
    assert command("migrate", cwd=tmp_path, **settings).returncode == 0
    with serving(tmp_path, **settings) as (process, _, _):
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert resident is not None
        assert int(resident[1]) * 1024 <= 105_000_000


@pytest.mark.process
def test_two_processes_share_the_ports_and_their_counts(tmp_path: Path, sqlite_url: str, jwks: JwksEndpoint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics_port = free.getsockname()[1]
    options = ("--workers", "2", "--metrics-port", str(metrics_port))
    settings = {"TODO_DATABASE_URL": sqlite_url, "TODO_AUTH_URL": jwks.url}
    with serving(tmp_path, *options, **settings) as (process, url, _):
        pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(pids) == 2
        for pid in map(int, pids):
            os.kill(pid, signal.SIGSTOP)  # only the other one can accept a connection
            try:
                assert httpx2.get(f"{url}/livez", trust_env=False, timeout=30).status_code == 200
            finally:
                os.kill(pid, signal.SIGCONT)
        counted = re.compile(r'_count\{http_request_method="GET",http_route="/livez",[^}]*\} (\d+)')
        scrape = f"http://127.0.0.1:{metrics_port}/metrics"
        wait_until(lambda: counted.findall(httpx2.get(scrape, trust_env=False).text) == ["2"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
