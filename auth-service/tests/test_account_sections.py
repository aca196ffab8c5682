"""/account: devices, applications, activity, the file of one's data, and the end of the account."""

import json
from typing import Any

import pytest

from auth_service.clients.clients import Client
from auth_service.endpoints.hosted_pages import account_activity, account_data
from auth_service.endpoints.hosted_pages.provenance import describe
from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.migrations.tables import import_tables
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.metadata_values import DEVICE_CODE, REFRESH_TOKEN
from auth_service.sessions.device_names import UNKNOWN, name_device

from .browser import Browser, signed_in
from .code_flow import METADATA, register_frontend
from .conftest import PASSWORD, Service
from .factor_scene import protect
from .registry import RESOURCES

LOOPBACK = {"redirect_uris": ["http://127.0.0.1:9/callback"], "token_endpoint_auth_method": "none"}
DEVICE = {"grant_types": [DEVICE_CODE, REFRESH_TOKEN], "redirect_uris": [], "token_endpoint_auth_method": "none"}
ANN, BOB = "ann@example.com", "bob@example.com"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)


def another_device(service: Service, email: str = ANN, user_agent: str = SAFARI) -> Browser:
    browser = Browser(service)
    browser.client.headers["User-Agent"] = user_agent
    browser.open("/signin").sign_in(email)
    return browser


def is_signed_in(browser: Browser) -> bool:
    return browser.client.get("/api/auth/get-session").json() is not None


class TestDevices:
    def test_a_person_signs_out_one_device_or_all_others(self, service: Service) -> None:
        browser = signed_in(service)
        phone, tablet = another_device(service), another_device(service)
        text = browser.open("/account").page.text
        assert text.count("Safari on iPhone") == 2
        assert "Mozilla" not in text
        browser.press("end-device-form-2", "end-device-2")
        assert "changed" in browser.page.elements
        assert [is_signed_in(each) for each in (browser, phone, tablet)].count(True) == 2
        browser.press("end-other-devices-form", "end-other-devices")
        assert [is_signed_in(each) for each in (browser, phone, tablet)] == [True, False, False]
        assert "end-other-devices" not in browser.page.elements

    def test_nobody_elses_session_is_ended_by_its_id(self, sqlite_service: Service) -> None:
        ann, phone = signed_in(sqlite_service), another_device(sqlite_service)
        bob, other = signed_in(sqlite_service, BOB), another_device(sqlite_service, BOB)
        theirs = ann.open("/account").fields("end-device-form-2")[1]["session"]
        action, own = bob.open("/account").fields("end-device-form-2")
        bob.post(action, **{**own, "session": theirs, "change": "end-device"})
        assert is_signed_in(phone)
        forged = {**ann.fields("end-device-form-2")[1], "change": "end-device"}
        assert bob.post(action, **forged).last.status_code == 403, "a form of another session"
        without = {name: value for name, value in own.items() if name != "form_token"}
        for change in ("end-device", "end-other-devices", "withdraw", "export", "stop-recovery"):
            assert bob.post(action, **without, change=change).last.status_code == 403
        assert bob.post("/account/change", **without, change="delete").last.status_code == 403
        assert [is_signed_in(each) for each in (ann, phone, bob, other)] == [True] * 4
        events = sqlite_service.rows("SELECT count(*) FROM audit_events WHERE event = 'session_revoked'")
        assert events == [(0,)], "what ended nothing is no event"

    def test_the_device_that_asks_may_end_itself(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service)
        [(own,)] = sqlite_service.rows("SELECT id FROM browser_sessions")
        token = browser.open("/account").fields("export-form")[1]["form_token"]
        assert browser.post("/account", form_token=token, change="end-device", session=own).path == "/signin"
        assert not is_signed_in(browser)

    @pytest.mark.parametrize(
        ("user_agent", "name"),
        [
            (FIREFOX, "Firefox on Windows"),
            (SAFARI, "Safari on iPhone"),
            (EDGE, "Edge on Mac"),
            ("curl/8.5.0", "curl"),
            ("<script>alert(1)</script>", UNKNOWN),
            ("", UNKNOWN),
        ],
    )
    def test_a_device_has_a_name_out_of_our_own_words(self, user_agent: str, name: str) -> None:
        assert name_device(user_agent) == name


class TestApplications:
    def test_an_application_is_shown_with_its_scopes_and_removed(self, service: Service) -> None:
        frontend = register_frontend(service, client_name="<i>Report</i>")
        browser = signed_in(service)
        tokens = frontend.redeem(
            browser.authorize(frontend, scope="openid offline_access todos:read").allow().answer["code"]
        ).json()
        page = browser.open("/account").page
        assert "<i>Report" not in browser.last.text
        assert "<i>Report</i> At app.example.com. Allowed today. Last used today." in page.text
        assert "Keep this access while you are away" in page.text
        browser.press(f"withdraw-form-{frontend.client_id}", f"withdraw-{frontend.client_id}")
        assert (browser.path, "no-applications" in browser.page.elements) == ("/account", True)
        assert frontend.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"

    def test_one_that_needs_no_consent_is_shown_while_it_has_access(self, sqlite_service: Service) -> None:
        frontend = register_frontend(sqlite_service, client_name="Own board", first_party=True)
        browser = signed_in(sqlite_service)
        assert "code" in browser.authorize(frontend).answer
        text = browser.open("/account").page.text
        assert "Own board At app.example.com. First used today." in text
        assert "needs no permission" in text
        browser.press(f"withdraw-form-{frontend.client_id}", f"withdraw-{frontend.client_id}")
        assert "Own board" not in browser.page.text
        assert sqlite_service.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL") == [(0,)]

    @pytest.mark.parametrize(
        ("client_id", "registered_by", "changes", "words", "is_stranger"),
        [
            ("client_x", None, {}, "At app.example.com.", False),
            ("client_x", "token:1", {}, "At app.example.com. It has registered itself.", False),
            (
                "client_x",
                "open",
                LOOPBACK,
                "A program on a computer or a phone of yours. It has registered itself.",
                True,
            ),
            (
                "https://agent.example.com/client.json",
                "document",
                LOOPBACK,
                "A program on a computer or a phone of yours. It describes itself at agent.example.com.",
                True,
            ),
            ("client_x", None, DEVICE, "A device or a command line, which you allowed by a code.", False),
            (
                "client_x",
                None,
                {"redirect_uris": [f"https://{name}.example.com/" for name in "abcd"]},
                "At a.example.com, b.example.com, c.example.com and others.",
                False,
            ),
        ],
    )
    def test_it_is_said_where_an_application_comes_from(
        self, client_id: str, registered_by: str | None, changes: dict[str, Any], words: str, is_stranger: bool
    ) -> None:
        registered = parse({**METADATA, **changes}, resources=RESOURCES, supported_grant_types=GRANT_TYPES).members()
        client = Client(client_id=client_id, registered=json.dumps(registered), registered_by=registered_by)
        told = describe(client)
        assert (" ".join(told.words), told.is_stranger) == (words, is_stranger)


class TestActivity:
    def test_a_person_sees_what_happened_to_their_account_and_to_no_other(self, service: Service) -> None:
        browser = signed_in(service)
        signed_in(service, BOB)
        for email in (ANN, ANN, BOB):
            Browser(service).open("/signin").sign_in(email, "not-the-password")
        text = browser.open("/account").page.text
        assert "A wrong password was entered (2 times)" in text
        assert text.count("The account was created") == 1

    def test_only_events_with_words_are_shown(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service)
        sqlite_service.execute("UPDATE audit_events SET event = 'code_issued'")
        assert "code_issued" not in browser.open("/account").last.text
        assert "code_issued" not in account_activity.IN_WORDS


class TestData:
    def test_the_file_has_everything_but_secrets(self, service: Service) -> None:
        browser, app = signed_in(service), None
        frontend = register_frontend(service)
        code = browser.authorize(frontend, scope="openid offline_access todos:read").allow().answer["code"]
        tokens = frontend.redeem(code).json()
        app = protect(service)
        signed_in(service, BOB)
        browser.open("/account").press("export-form", "export")
        assert browser.last.headers["content-disposition"] == 'attachment; filename="account.json"'
        data = json.loads(browser.last.text)
        assert data["account"]["email"] == ANN
        assert [each["ip_address"] for each in data["browser_sessions"]] == ["127.0.0.1"]
        assert len(data["recovery_codes"]) == 10
        assert data["refresh_tokens"][0]["scope"] == "openid offline_access todos:read"
        assert {each["event"] for each in data["audit_events"]} >= {"signed_up", "consent_given"}
        assert BOB not in browser.last.text
        [(token, password_hash)] = service.rows(
            "SELECT token, password_hash FROM browser_sessions JOIN identities USING (account_id) "
            f"JOIN accounts ON accounts.id = account_id WHERE email = '{ANN}'"
        )
        for secret in (token, password_hash, app.secret, app.recovery_codes[0], tokens["refresh_token"], "argon2"):
            assert secret not in browser.last.text

    def test_every_table_of_an_account_is_in_the_file_or_left_out_on_purpose(self) -> None:
        known = {*account_data.EXPORTED, *account_data.NOT_EXPORTED}
        assert {table for table in import_tables() if "account_id" in table.__table__.columns} == known
        names = {name for names in account_data.EXPORTED.values() for name in names}
        assert not [name for name in names if any(word in name for word in ("hash", "token", "secret", "sealed"))]


class TestDeletion:
    def test_it_says_what_goes_and_needs_the_password(self, service: Service) -> None:
        browser, phone = signed_in(service), another_device(service)
        other = signed_in(service, BOB)
        browser.open("/account").open(browser.page.elements["delete-account"]["href"])
        assert "every application loses its access" in browser.page.text
        browser.press("deletion-form", "delete", password="not-the-password")
        assert browser.last.status_code == 403
        assert browser.page.elements["password"]["aria-describedby"] == "error"
        browser.press("deletion-form", "delete", password=PASSWORD)
        assert "deleted" in browser.page.elements
        assert not is_signed_in(phone)
        assert is_signed_in(other)
        assert service.rows("SELECT email FROM accounts") == [(BOB,)]
        assert service.rows("SELECT count(*) FROM account_events WHERE type LIKE '%purged'") == [(1,)]

    def test_an_account_without_a_password_needs_a_recent_sign_in(self, sqlite_service: Service) -> None:
        browser = signed_in(sqlite_service)
        sqlite_service.execute("DELETE FROM identities")
        sqlite_service.execute("UPDATE browser_sessions SET authenticated_at = '2020-01-01 00:00:00'")
        browser.open("/account", change="delete").press("deletion-form", "delete")
        assert (browser.path, "no-password" in browser.page.elements) == ("/signin", True)
        sqlite_service.execute("UPDATE browser_sessions SET authenticated_at = created_at")
        browser.open("/account", change="delete").press("deletion-form", "delete")
        assert "deleted" in browser.page.elements
