"""`consents`: an operator lists and withdraws the stored consents."""

import json

import pytest

from auth_service.telemetry import logs

from .browser import Browser, signed_in
from .code_flow import API, Frontend, live_grants, register_frontend
from .conftest import Service

WITHDRAWN = ["account_id", "client_id", "consents_withdrawn", "grants_ended"]


def agreed(service: Service, frontend: Frontend, email: str, **asked: str) -> tuple[Browser, str]:
    browser = signed_in(service, email).authorize(frontend, **asked).allow()
    refresh_token: str = frontend.redeem(browser.answer["code"]).json()["refresh_token"]
    return browser, refresh_token


def test_consents_are_listed(service: Service) -> None:
    frontend = register_frontend(service)
    ann, _ = agreed(service, frontend, "ann@example.com")
    ann.authorize(frontend, scope="todos:write openid", resource=API).allow()
    agreed(service, frontend, "eve@example.com")
    listed = service.command("consents", "list", "--user", "ann@example.com")
    records = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(each["resource"], each["scope"]) for each in records] == [
        ("http://localhost:8080", "openid"),
        (API, "todos:read todos:write"),
    ]
    assert {each["client_id"] for each in records} == {frontend.client_id}
    assert len(service.command("consents", "list").stdout.splitlines()) == 4


def test_what_is_withdrawn_ends_at_that_client_alone_and_is_asked_again(service: Service) -> None:
    """The withdrawal also ends an offline grant."""
    first, second = register_frontend(service), register_frontend(service)
    ann, ended = agreed(service, first, "ann@example.com", scope="openid offline_access")
    kept = second.redeem(ann.authorize(second).allow().answer["code"]).json()["refresh_token"]
    _, of_eve = agreed(service, first, "eve@example.com")
    done = service.command("consents", "withdraw", "ann@example.com", first.client_id, "--yes")
    record = json.loads(done.stdout)
    assert list(record) == WITHDRAWN
    assert (record["consents_withdrawn"], record["grants_ended"]) == (1, 1)
    assert first.refresh(ended).json()["error"] == "invalid_grant"
    assert (second.refresh(kept).status_code, first.refresh(of_eve).status_code) == (200, 200)
    assert ann.authorize(first).path == "/consent"
    assert ann.authorize(second).last.status_code == 303


def test_a_first_party_client_has_grants_to_withdraw_and_no_consent(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, first_party=True)
    browser = signed_in(sqlite_service).authorize(frontend)
    assert frontend.redeem(browser.answer["code"]).status_code == 200
    done = sqlite_service.command("consents", "withdraw", "ann@example.com", frontend.client_id, "--yes")
    assert json.loads(done.stdout)["grants_ended"] == 1
    assert live_grants(sqlite_service) == 0


def test_withdrawing_asks_first_and_says_when_there_is_nothing(sqlite_service: Service) -> None:
    signed_in(sqlite_service)
    unasked = sqlite_service.command("consents", "withdraw", "ann@example.com", "client_x")
    assert (unasked.returncode, "--yes" in unasked.stderr) == (1, True)
    nothing = sqlite_service.command("consents", "withdraw", "ann@example.com", "client_x", "--yes")
    assert (nothing.returncode, "the account has no consent" in nothing.stderr) == (1, True)


def test_consents_go_with_their_account_and_their_client(service: Service) -> None:
    frontend = register_frontend(service)
    agreed(service, frontend, "ann@example.com")
    agreed(service, frontend, "eve@example.com")
    service.command("users", "delete", "ann@example.com", "--yes")
    assert len(service.rows("SELECT DISTINCT account_id FROM consents")) == 1
    service.command("clients", "delete", frontend.client_id, "--yes")
    assert service.rows("SELECT * FROM consents") == []


def test_people_see_what_they_have_agreed_to_and_take_it_back(service: Service) -> None:
    first, second = (register_frontend(service, client_name=name) for name in ("<i>Report</i>", "Board"))
    browser, refresh_token = agreed(service, first, "ann@example.com", scope="openid offline_access todos:read")
    browser.authorize(second).allow()
    browser.open("/signin").open(browser.page.elements["applications-link"]["href"])
    assert "<i>" not in browser.last.text
    assert "<i>Report</i>" in browser.page.text
    assert "Keep this access while you are away" in browser.page.text
    browser.press(f"withdraw-form-{first.client_id}", f"withdraw-{first.client_id}")
    assert browser.path == "/consent"
    assert "Board" in browser.page.text
    assert "Report" not in browser.page.text
    assert first.refresh(refresh_token).json()["error"] == "invalid_grant"
    browser.press(f"withdraw-form-{second.client_id}", f"withdraw-{second.client_id}")
    assert "no-applications" in browser.page.elements


def test_nobody_elses_consent_is_taken_back(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service)
    agreed(sqlite_service, frontend, "ann@example.com")
    eve, _ = agreed(sqlite_service, frontend, "eve@example.com")
    eve.open("/consent")
    form, button = f"withdraw-form-{frontend.client_id}", f"withdraw-{frontend.client_id}"
    page = eve.last
    assert eve.press(form, button, form_token="0" * 64).last.status_code == 403
    assert len(sqlite_service.rows("SELECT DISTINCT account_id FROM consents")) == 2
    eve.last = page
    eve.press(form, button)
    assert len(sqlite_service.rows("SELECT DISTINCT account_id FROM consents")) == 1
    assert Browser(sqlite_service).open("/consent").path == "/signin"
    assert Browser(sqlite_service).post("/consent", withdraw=frontend.client_id).path == "/signin"


def test_what_was_withdrawn_is_audited_and_what_never_was_is_not(
    sqlite_service: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    """A form may name any client; the log names only clients that had a consent."""
    frontend = register_frontend(sqlite_service)
    browser, _ = agreed(sqlite_service, frontend, "ann@example.com")
    fields = browser.open("/consent").fields(f"withdraw-form-{frontend.client_id}")[1]
    logs.configure("INFO")
    try:
        for named in ("somebody-else", frontend.client_id, frontend.client_id):
            browser.post("/consent", **{**fields, "withdraw": named})
    finally:
        logs.configure("ERROR")
    out = capfd.readouterr().out
    assert "somebody-else" not in out
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["client_id"] for event in events if event["event"] == "consent_withdrawn"] == [frontend.client_id]
