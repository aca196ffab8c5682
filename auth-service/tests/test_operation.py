"""Health checks, logs, and the answers to callers when the database is broken."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest

from auth_service.store.slow_statements import SLOW
from auth_service.telemetry import logs

from .browser import signed_in
from .code_flow import VERIFIER, register_frontend
from .conftest import ISSUER, PASSWORD, Service, Start, Store
from .ports import free_port
from .waiting import wait_until


def test_a_ready_service_says_so(service: Service) -> None:
    client = service.client()
    for path in ("/livez", "/readyz"):
        response = client.get(service.url + path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(("revision", "status"), [("9999_later", 200), ("0001_earlier", 503)])
def test_a_schema_that_moves_on_leaves_it_ready_and_an_older_one_does_not(
    start: Start, database_url: str, revision: str, status: int
) -> None:
    """A migration runs while the older version serves; that version keeps serving until it is replaced."""
    service = start(database_url)
    service.execute(f"UPDATE alembic_version SET version_num = '{revision}'")
    client = service.client()
    assert client.get(f"{service.url}/readyz").status_code == status
    assert client.get(f"{service.url}/livez").status_code == 200


def test_a_fault_of_ours_is_500_and_says_nothing(start: Start, database_url: str) -> None:
    service = start(database_url)
    client = service.signed_up()
    service.execute("ALTER TABLE browser_sessions RENAME TO elsewhere")
    broken = client.get("/get-session")
    service.execute("ALTER TABLE elsewhere RENAME TO browser_sessions")
    assert broken.status_code in (500, 503)
    assert set(broken.json()) == {"message", "code"}
    assert client.get("/get-session").json() is not None


def test_a_store_that_is_gone_is_503_until_it_is_back(start: Start, postgres: str, postgres_url: str) -> None:
    service = start(postgres_url)
    client = service.signed_up()
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", [name])
        gone = [client.get("/get-session") for _ in range(3)]
        page = client.get(f"{service.url}/signin")
        unready = client.get(f"{service.url}/readyz")
        admin.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true".encode())
    assert [(one.status_code, one.headers["retry-after"]) for one in gone] == [(503, "1")] * 3
    assert (page.status_code, page.headers["retry-after"], "Please try again" in page.text) == (503, "1", True)
    assert unready.status_code == 503
    assert client.get("/get-session").json() is not None


def test_who_comes_first_after_a_restart_of_the_store_is_answered(
    start: Start, postgres: str, postgres_url: str
) -> None:
    """No request came during the outage, and every pooled connection has ended."""
    service = start(postgres_url)
    client = service.signed_up()
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = %s", [name])
    answered = [client.get("/get-session"), client.post("/sign-out", json={}), service.client().get("/token")]
    assert [each.status_code for each in answered] == [200, 200, 401]


def test_a_page_can_learn_whether_mails_are_sent(start: Start, sqlite_url: str) -> None:
    mail = {"AUTH_MAIL_URL": "console:", "AUTH_MAIL_FROM": "no-reply@example.com"}
    answers = [start(sqlite_url, **settings).client().get("/capabilities").json() for settings in ({}, mail)]
    assert answers == [{"mail": False}, {"mail": True}]


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [("gateway-0123456789", True), ("short", False), ("x" * 65, False), ('quo"te-0123', False), ("", False)],
)
def test_a_request_id_is_taken_over_when_well_formed(sqlite_service: Service, sent: str, echoed: bool) -> None:
    response = sqlite_service.client().get("/ok", headers={"X-Request-ID": sent})
    assert (response.headers["x-request-id"] == sent) is echoed
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,64}", response.headers["x-request-id"])


def test_logs_are_json_and_hold_no_secret(
    start: Start, sqlite_url: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sqlite_service = start(sqlite_url)
    logs.configure("DEBUG")
    try:
        client = sqlite_service.signed_up("ann@example.com")
        session = client.get("/get-session?secret=in-the-query").json()["session"]
        token = client.get("/token").json()["token"]
        cookie = client.cookies["better-auth.session_token"]
        client.post("/sign-in/email", json={"email": "ann@example.com", "password": "wrong-password-1"})
        client.post("/sign-up/email", json={"name": "Eve", "email": "ann@example.com", "password": PASSWORD})
        client.get(f"{sqlite_service.url}/in-the-path/{token}")
        sqlite_service.execute("DROP TABLE identities")
        client.post("/sign-in/email", json={"email": "ann@example.com", "password": PASSWORD})
    finally:
        logs.configure("ERROR")
    out = capfd.readouterr().out
    events = [json.loads(line) for line in out.splitlines()]
    assert {"signed_up", "sign_in_refused", "request", "refused"} <= {event["event"] for event in events}
    for secret in (PASSWORD, "wrong-password-1", session["token"], token, cookie, "in-the-query", "in-the-path"):
        assert secret not in out
    assert "ann@example.com" not in out
    [request] = [event for event in events if event.get("http.route") == "/api/auth/token"]
    assert request["service.name"] == "auth-service"
    assert {"timestamp", "level", "request_id", "duration_ms", "client.address"} <= set(request)


def test_who_hangs_up_amid_a_request_is_no_fault_of_ours(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    address = urlsplit(service.url)
    half = (
        "POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(f"{half}\r\n\r\na=".encode())
    counted = r'_request_duration_seconds_count\{.*http_route="/oauth/token".*status_code="(\d+)"'
    wait_until(lambda: re.search(counted, httpx2.get(service.metrics_url).text) is not None)
    assert re.findall(counted, httpx2.get(service.metrics_url).text) == ["400"]


@pytest.mark.process
def test_a_log_that_is_full_costs_nobody_an_answer(sqlite_url: str) -> None:
    store, port = Store(sqlite_url), free_port()
    with Path("/dev/full").open("w") as full:
        process = store.started("serve", "--port", str(port), stdout=full.fileno(), AUTH_LOG_LEVEL="DEBUG")
    try:
        wait_until(lambda: answers(port), 60)
        url, credentials = f"http://127.0.0.1:{port}/api/auth", {"email": "ann@example.com", "password": PASSWORD}
        with httpx2.Client(base_url=url, headers={"Origin": ISSUER}, trust_env=False, timeout=30) as client:
            assert client.post("/sign-up/email", json={"name": "Ann", **credentials}).status_code == 200
            wrong = {**credentials, "password": "wrong-password-1"}
            assert client.post("/sign-in/email", json=wrong).status_code == 401
            assert client.get("/get-session").json() is not None
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(60)


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_nothing_of_the_code_flow_that_opens_something_is_logged(
    sqlite_service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    """RFC 6749 §10.5: codes and tokens pass through addresses, forms and errors, but are not logged."""
    frontend = register_frontend(sqlite_service)
    logs.configure("DEBUG")
    try:
        browser = signed_in(sqlite_service).authorize(frontend, scope="openid offline_access todos:read")
        handle, form = browser.last.request.url.params["authorization_request"], browser.fields("consent-form")[1]
        code = browser.allow().answer["code"]
        tokens = frontend.redeem(code).json()
        frontend.refresh(frontend.refresh(tokens["refresh_token"]).json()["refresh_token"])
        for refused in (frontend.redeem(code), frontend.refresh(tokens["refresh_token"])):
            assert refused.json()["error"] == "invalid_grant"
        browser.authorize(frontend, prompt="none", id_token_hint=tokens["id_token"] + "x")
        browser.open("/oauth/logout", id_token_hint=tokens["id_token"] + "x")
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert browser.client.get("/oauth/userinfo", headers=bearer).status_code == 401
    finally:
        logs.configure("ERROR")
    out = capfd.readouterr().out
    assert {"code_issued", "grant_ended_for_reuse"} <= {json.loads(line)["event"] for line in out.splitlines()}
    kept_out = (handle, form["form_token"], code, VERIFIER, "af0ifjsldkj", "n-0S6_WzA2Mj", "ann@example.com", PASSWORD)
    for secret in (*kept_out, tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
        assert secret not in out


def test_the_address_is_the_gateways_word_and_nobody_elses(sqlite_service: Service) -> None:
    """X-Forwarded-For counts only from configured networks. The test's client plays the gateway."""
    client = sqlite_service.client(headers={"X-Forwarded-For": "203.0.113.7"})
    body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    client.post("/sign-up/email", json=body)
    assert client.get("/get-session").json()["session"]["ipAddress"] == "203.0.113.7"


@pytest.mark.parametrize("sent", ["203.0.113.7", "203.0.113.7, 198.51.100.1"])
def test_a_stranger_is_not_believed(start: Start, sqlite_url: str, sent: str) -> None:
    service = start(sqlite_url, AUTH_TRUSTED_PROXIES="10.0.0.1")
    client = service.client(headers={"X-Forwarded-For": sent})
    client.post("/sign-up/email", json={"name": "Ann", "email": "ann@example.com", "password": PASSWORD})
    assert client.get("/get-session").json()["session"]["ipAddress"] == "127.0.0.1"


def test_what_is_no_address_is_not_stored_as_one(service: Service) -> None:
    client = service.client(headers={"X-Forwarded-For": "a" * 60})
    body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    assert client.post("/sign-up/email", json=body).status_code == 200
    assert client.get("/get-session").json()["session"]["ipAddress"] == ""


def test_a_slow_statement_is_told_without_its_values(
    start: Start, postgres_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The log entry has the request's id, and PostgreSQL's process id to find the statement in its own log."""
    service = start(postgres_url)
    client = service.signed_up("ann@example.com")
    [(account_id,)] = service.rows("SELECT id FROM accounts")
    logs.configure("WARNING")
    try:
        hold_up(service, client)
    finally:
        logs.configure("ERROR")
    told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    # Other statements may be slow too on a busy machine, so they are not checked.
    [slow] = [each for each in told if each.get("db.query.text", "").startswith("UPDATE accounts SET")]
    assert slow["event"] == "slow_statement"
    assert isinstance(slow["db.backend_pid"], int)
    assert slow["request_id"] == "held-up-request"
    assert account_id not in str(told)
    assert "Planted" not in str(told)


def hold_up(service: Service, client: httpx2.Client) -> None:
    """Make a request wait for a locked row, twice as long as the slow limit, measured from when it waits."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    renaming: dict[str, Any] = {"json": {"name": "Planted"}, "headers": {"X-Request-ID": "held-up-request"}}
    with (
        psycopg.connect(service.database_url.replace("+psycopg", "")) as holding,
        ThreadPoolExecutor(1) as meanwhile,
    ):
        holding.execute("SELECT * FROM accounts FOR UPDATE")
        answered = meanwhile.submit(client.post, "/update-user", **renaming)
        wait_until(lambda: service.rows(waiting) != [])
        time.sleep(2 * SLOW)
        holding.rollback()
        assert answered.result().status_code == 200
