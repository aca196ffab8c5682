"""Health, logs, and what a broken store does to callers."""

import json
import re
from pathlib import Path

import pytest

from auth_service import logs

from .conftest import PASSWORD, Service, Start


def test_a_ready_service_says_so(service: Service) -> None:
    client = service.client()
    for path in ("/livez", "/readyz"):
        response = client.get(service.url + path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_a_schema_that_moves_on_makes_it_unready_but_not_dead(start: Start, database_url: str) -> None:
    service = start(database_url)
    service.execute("UPDATE alembic_version SET version_num = '9999_later'")
    client = service.client()
    assert client.get(f"{service.url}/readyz").status_code == 503
    assert client.get(f"{service.url}/livez").status_code == 200


def test_a_store_that_does_not_answer_is_503_and_no_stack_trace(service: Service) -> None:
    client = service.signed_up()
    service.execute("ALTER TABLE browser_sessions RENAME TO elsewhere")
    broken = client.get("/get-session")
    assert broken.status_code in (500, 503)
    assert set(broken.json()) == {"message", "code"}
    service.execute("ALTER TABLE elsewhere RENAME TO browser_sessions")
    assert client.get("/get-session").json() is not None


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


def test_the_address_is_the_gateways_word_and_nobody_elses(sqlite_service: Service) -> None:
    """DESIGN section 5: X-Forwarded-For from configured networks only. The test's client is the gateway here."""
    client = sqlite_service.client(headers={"X-Forwarded-For": "203.0.113.7"})
    body = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    client.post("/sign-up/email", json=body)
    assert client.get("/get-session").json()["session"]["ipAddress"] == "203.0.113.7"
