"""A second factor by the Better Auth protocol: turned on, asked for at every sign-in, counted, turned off."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest

from auth_service.accounts.factors import challenges
from auth_service.limits.code_attempts import FREE_CODES
from auth_service.sessions.lifetimes import Lifetimes
from auth_service.sessions.proofs import BY_PASSWORD, SecondFactorMissing
from auth_service.sessions.starting import Device, authenticate_again, start_session
from auth_service.store.database import Database

from .conftest import PASSWORD, Service
from .factor_scene import App, protect
from .statements import statements

ANN = "ann@example.com"


def refusal(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def sign_in(client: httpx2.Client, **members: object) -> httpx2.Response:
    return client.post("/sign-in/email", json={"email": ANN, "password": PASSWORD, **members})


def verify(client: httpx2.Client, code: str, **members: object) -> httpx2.Response:
    return client.post("/two-factor/verify-totp", json={"code": code, **members})


def recover(client: httpx2.Client, code: str, **members: object) -> httpx2.Response:
    return client.post("/two-factor/verify-backup-code", json={"code": code, **members})


def claims_of(client: httpx2.Client) -> dict[str, Any]:
    return dict(jwt.decode(client.get("/token").json()["token"], options={"verify_signature": False}))


@pytest.fixture
def app(service: Service) -> App:
    """The app of Ann, whose account has a second factor."""
    service.signed_up(ANN)
    return protect(service)


class TestTurningItOn:
    def test_it_is_on_after_the_first_code_and_not_before(self, service: Service) -> None:
        client = service.signed_up(ANN)
        begun = client.post("/two-factor/enable", json={"password": PASSWORD}).json()
        query = parse_qs(urlsplit(begun["totpURI"]).query)
        assert (begun["method"], len(begun["backupCodes"]), query["issuer"]) == ("totp", 10, ["localhost:8080"])
        assert not client.get("/get-session").json()["user"]["twoFactorEnabled"]
        assert sign_in(service.client()).json().keys() == {"redirect", "token", "user"}
        [secret] = query["secret"]
        app = App(service, secret, begun["backupCodes"])
        assert refusal(verify(client, app.wrong())) == (401, "INVALID_CODE")
        verified = verify(client, app.code())
        assert verified.json()["user"]["twoFactorEnabled"]
        assert client.get("/get-session").json()["user"]["twoFactorEnabled"]
        assert claims_of(client)["amr"] == ["pwd", "otp", "mfa"]
        assert sign_in(service.client()).json() == {"twoFactorRedirect": True, "twoFactorMethods": ["totp"]}

    def test_the_password_is_asked_for(self, service: Service) -> None:
        """A stolen session alone cannot put a thief's app before the owner."""
        client = service.signed_up(ANN)
        for path in ("enable", "get-totp-uri", "generate-backup-codes", "disable"):
            assert refusal(client.post(f"/two-factor/{path}", json={"password": "not-the-password"})) == (
                400,
                "INVALID_PASSWORD",
            )
            assert refusal(service.client().post(f"/two-factor/{path}", json={"password": PASSWORD})) == (
                401,
                "UNAUTHORIZED",
            )
        assert service.rows("SELECT count(*) FROM totp_factors") == [(0,)]

    def test_a_confirmed_app_is_not_replaced(self, service: Service) -> None:
        client = service.signed_up(ANN)
        app = protect(service)
        verify(client, app.wait())
        again = client.post("/two-factor/enable", json={"password": PASSWORD})
        assert refusal(again) == (400, "TOTP_ALREADY_ENABLED")

    def test_what_is_not_there_says_so(self, sqlite_service: Service) -> None:
        client = sqlite_service.signed_up(ANN)
        password = {"password": PASSWORD}
        assert refusal(verify(client, "123456")) == (400, "TOTP_NOT_ENABLED")
        assert refusal(recover(client, "abcd")) == (400, "BACKUP_CODES_NOT_ENABLED")
        assert refusal(client.post("/two-factor/disable", json=password)) == (400, "TWO_FACTOR_NOT_ENABLED")
        assert refusal(client.post("/two-factor/get-totp-uri", json=password)) == (400, "TOTP_NOT_ENABLED")
        made = client.post("/two-factor/generate-backup-codes", json=password)
        assert refusal(made) == (400, "TWO_FACTOR_NOT_ENABLED")
        otp = client.post("/two-factor/enable", json={**password, "method": "otp"})
        assert refusal(otp) == refusal(client.post("/two-factor/send-otp", json={})) == (400, "OTP_NOT_ENABLED")
        assert refusal(sqlite_service.client().post("/two-factor/verify-otp", json={"code": "1"})) == refusal(otp)


class TestSigningIn:
    def test_the_password_alone_gives_nothing(self, service: Service, app: App) -> None:
        client = service.client()
        asked = sign_in(client)
        assert asked.json() == {"twoFactorRedirect": True, "twoFactorMethods": ["totp"]}
        assert "set-auth-token" not in asked.headers
        assert client.get("/get-session").json() is None
        assert refusal(client.get("/token")) == (401, "UNAUTHORIZED")
        assert service.rows("SELECT count(*) FROM browser_sessions") == [(1,)], "the one of the sign-up"

    def test_the_code_starts_the_session_and_tokens_say_so(self, service: Service, app: App) -> None:
        service.clock.stop()
        client = service.client()
        sign_in(client)
        verified = verify(client, app.wait())
        assert verified.json().keys() == {"token", "user"}
        assert verified.json()["token"] == client.get("/get-session").json()["session"]["token"]
        assert verified.headers["set-auth-token"]
        claims = claims_of(client)
        assert (claims["acr"], claims["amr"]) == ("aal2", ["pwd", "otp", "mfa"])
        assert claims["auth_time"] == int(service.clock().timestamp())

    def test_a_session_that_is_not_remembered_stays_so(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client, rememberMe=False)
        cookies = verify(client, app.wait()).headers.get_list("set-cookie")
        [session] = [cookie for cookie in cookies if cookie.startswith("better-auth.session_token=")]
        assert "Max-Age" not in session

    def test_a_code_works_once_and_so_does_one_of_a_step_before_it(self, service: Service, app: App) -> None:
        """RFC 6238 §5.2."""
        service.clock.stop()
        code, before = app.wait(), app.code(-1)
        client = service.client()
        sign_in(client)
        assert verify(client, code).status_code == 200
        for used in (code, before):
            sign_in(client)
            assert refusal(verify(client, used)) == (401, "INVALID_CODE")

    def test_a_recovery_code_works_once(self, service: Service, app: App) -> None:
        client = service.client()
        sign_in(client)
        assert recover(client, app.recovery_codes[0].upper().replace("-", " ")).status_code == 200
        assert claims_of(client)["amr"] == ["pwd", "mfa"]
        sign_in(client)
        assert refusal(recover(client, app.recovery_codes[0])) == (401, "INVALID_BACKUP_CODE")
        assert recover(client, app.recovery_codes[1]).status_code == 200

    def test_of_simultaneous_answers_one_starts_a_session(self, service: Service, app: App) -> None:
        client = service.client()
        sign_in(client)
        code, cookies = app.wait(), dict(client.cookies)
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: verify(service.client(cookies=cookies), code).status_code, range(4)))
        assert sorted(answers) == [200, 401, 401, 401]
        assert service.rows("SELECT count(*) FROM browser_sessions") == [(2,)]

    def test_another_browser_cannot_answer(self, service: Service, app: App) -> None:
        sign_in(service.client())
        code = app.wait()
        stranger = service.client()
        assert refusal(verify(stranger, code)) == (401, "INVALID_TWO_FACTOR_COOKIE")
        stranger.cookies.set("better-auth.two_factor", f"{'A' * 43}.{'B' * 43}%3D")
        assert refusal(verify(stranger, code)) == (401, "INVALID_TWO_FACTOR_COOKIE")

    def test_a_session_is_no_answer_and_a_challenge_is_no_session(self, sqlite_service: Service) -> None:
        """A cookie's signature counts for the cookie's name only."""
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client)
        pending = client.cookies["better-auth.two_factor"]
        other = sqlite_service.client(cookies={"better-auth.session_token": pending})
        assert other.get("/get-session").json() is None
        verify(client, app.wait())
        session = client.cookies["better-auth.session_token"]
        other = sqlite_service.client(cookies={"better-auth.two_factor": session})
        assert refusal(verify(other, app.wait())) == (401, "INVALID_TWO_FACTOR_COOKIE")

    def test_it_waits_ten_minutes(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client)
        sqlite_service.clock.advance(seconds=challenges.TTL.total_seconds())
        assert refusal(verify(client, app.code())) == (401, "INVALID_TWO_FACTOR_COOKIE")

    @pytest.mark.parametrize("how", ["password", "suspension", "deletion"])
    def test_it_ends_with_the_password_or_the_account(self, sqlite_service: Service, how: str) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client)
        command = {"password": ["set-password", ANN], "suspension": ["suspend", ANN, "--yes"]}
        done = sqlite_service.command("users", *command.get(how, ["delete", ANN, "--yes"]), stdin=f"x{PASSWORD}\n")
        assert done.returncode == 0, done.stderr
        assert refusal(verify(client, app.wait())) == (401, "INVALID_TWO_FACTOR_COOKIE")
        assert sqlite_service.rows("SELECT count(*) FROM browser_sessions") == [(0,)]


class TestGuessing:
    def test_parallel_guesses_stay_within_the_challenge(self, service: Service, app: App) -> None:
        """64 at once: five are compared, and the right code is then too late."""
        client = service.client()
        sign_in(client)
        app.wait()
        wrong, cookies = app.wrong(), dict(client.cookies)
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: refusal(verify(service.client(cookies=cookies), wrong)), range(64)))
        assert answers.count((401, "INVALID_CODE")) == challenges.MAX_CODES
        assert refusal(verify(service.client(cookies=cookies), app.code())) != (200, "")
        assert service.rows("SELECT count(*) FROM browser_sessions") == [(1,)]

    def test_guesses_over_many_sign_ins_are_held_also_the_right_code(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        sqlite_service.clock.stop()
        app.wait()
        client = sqlite_service.client()
        for tried in range(FREE_CODES):
            if tried % challenges.MAX_CODES == 0:
                sign_in(client)
            assert refusal(verify(client, app.wrong())) == (401, "INVALID_CODE")
        sign_in(client)
        held = verify(client, app.code())
        assert refusal(held) == (429, "ACCOUNT_TEMPORARILY_LOCKED")
        assert int(held.headers["retry-after"]) == int(held.headers["x-retry-after"]) > 0
        sqlite_service.clock.advance(seconds=int(held.headers["retry-after"]))
        assert verify(client, app.code()).status_code == 200

    def test_a_thief_of_the_password_does_not_keep_the_owner_out(self, sqlite_service: Service) -> None:
        """A browser that has signed in to the account before has budgets of its own."""
        owner = sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        sqlite_service.clock.stop()
        thief = sqlite_service.client()
        for tried in range(FREE_CODES):
            if tried % challenges.MAX_CODES == 0:
                sign_in(thief)
            verify(thief, app.wrong())
        sign_in(thief)
        assert verify(thief, app.wrong()).status_code == 429
        sign_in(owner)
        assert verify(owner, app.wait()).status_code == 200

    def test_refused_codes_are_counted_in_the_audit_trail(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client)
        for _ in range(2):
            verify(client, app.wrong())
        assert sqlite_service.rows("SELECT count FROM audit_events WHERE event = 'second_factor_refused'") == [(2,)]


class TestTurningItOff:
    def test_a_stolen_session_with_the_password_is_not_enough(self, service: Service) -> None:
        """Neither to turn it off, nor to get recovery codes or the secret: a code of the last minutes is needed."""
        client = service.signed_up(ANN)
        app = protect(service)
        for path in ("disable", "generate-backup-codes", "get-totp-uri"):
            refused = client.post(f"/two-factor/{path}", json={"password": PASSWORD})
            assert refusal(refused) == (403, "SESSION_NOT_FRESH")
        assert verify(client, app.wait()).status_code == 200
        uri = client.post("/two-factor/get-totp-uri", json={"password": PASSWORD}).json()["totpURI"]
        assert f"secret={app.secret}" in uri
        made = client.post("/two-factor/generate-backup-codes", json={"password": PASSWORD}).json()
        assert made["status"]
        assert refusal(recover(client, app.recovery_codes[0])) == (401, "INVALID_BACKUP_CODE")
        assert recover(client, made["backupCodes"][0]).status_code == 200
        service.clock.advance(minutes=6)
        assert refusal(client.post("/two-factor/disable", json={"password": PASSWORD}))[0] == 403
        verify(client, app.wait())
        assert client.post("/two-factor/disable", json={"password": PASSWORD}).json() == {"status": True}
        assert sign_in(service.client()).json().keys() == {"redirect", "token", "user"}
        assert service.rows("SELECT count(*) FROM recovery_codes") == [(0,)]


class TestTrustedBrowsers:
    def test_a_trusted_browser_is_not_asked_for_thirty_days(self, service: Service, app: App) -> None:
        client = service.client()
        sign_in(client)
        verify(client, app.wait(), trustDevice=True)
        client.post("/sign-out", json={})
        assert sign_in(client).json().keys() == {"redirect", "token", "user"}
        assert claims_of(client)["amr"] == ["pwd"], "a cookie is no factor"
        assert sign_in(service.client()).json() == {"twoFactorRedirect": True, "twoFactorMethods": ["totp"]}
        service.clock.advance(days=31)
        assert "twoFactorRedirect" in sign_in(client).json()

    def test_trust_ends_with_the_password_and_with_the_factor(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        client = sqlite_service.client()
        sign_in(client)
        verify(client, app.wait(), trustDevice=True)
        assert sqlite_service.command("users", "disable-second-factor", ANN, "--yes").returncode == 0
        assert "token" in sign_in(client).json()
        again = protect(sqlite_service)
        assert "twoFactorRedirect" in sign_in(client).json()
        verify(client, again.wait(), trustDevice=True)
        assert "token" in sign_in(client).json()
        new = f"x{PASSWORD}"
        assert sqlite_service.command("users", "set-password", ANN, stdin=f"{new}\n").returncode == 0
        assert "twoFactorRedirect" in sign_in(client, password=new).json()

    def test_a_forged_trust_is_none(self, sqlite_service: Service) -> None:
        sqlite_service.signed_up(ANN)
        protect(sqlite_service)
        client = sqlite_service.client(cookies={"better-auth.trust_device": f"{'a' * 32}.99999999999.{'B' * 43}%3D"})
        assert "twoFactorRedirect" in sign_in(client).json()


def test_a_password_that_is_changed_keeps_what_was_proved(sqlite_service: Service) -> None:
    client = sqlite_service.signed_up(ANN)
    app = protect(sqlite_service)
    sign_in(client)
    verify(client, app.wait())
    change = {"currentPassword": PASSWORD, "newPassword": f"x{PASSWORD}", "revokeOtherSessions": True}
    assert client.post("/change-password", json=change).status_code == 200
    assert claims_of(client)["amr"] == ["pwd", "otp", "mfa"]


def test_a_second_factor_costs_the_hot_paths_no_statement(sqlite_service: Service) -> None:
    plain = sqlite_service.signed_up("bob@example.com")
    client = sqlite_service.signed_up(ANN)
    app = protect(sqlite_service)
    verify(client, app.wait())
    counts = []
    for each in (plain, client):
        each.get("/get-session")
        with statements() as seen:
            each.get("/get-session")
            each.get("/token")
        counts.append(len(seen))
    assert counts == [2, 2]


@pytest.mark.parametrize("again", [False, True])
def test_no_session_starts_or_is_renewed_without_the_second_factor(service: Service, app: App, *, again: bool) -> None:
    """A way of signing in that knows nothing of second factors gets an exception."""
    assert app.secret
    [(account_id, session_id)] = service.rows("SELECT account_id, id FROM browser_sessions")
    week = service.settings.session_ttl

    async def start(database: Database) -> None:
        now = service.clock()
        async with database.writing() as session:
            if again:
                await authenticate_again(session, account_id, session_id, BY_PASSWORD, now=now)
            else:
                device, lifetimes = Device("", ""), Lifetimes(week, week, week)
                await start_session(
                    session, account_id, BY_PASSWORD, remember=True, device=device, lifetimes=lifetimes, now=now
                )

    with pytest.raises(SecondFactorMissing):
        service.do(start)


def test_a_missing_key_encryption_key_is_no_wrong_code(sqlite_service: Service) -> None:
    """The operator has to put it back: 503. A recovery code still signs in."""
    sqlite_service.signed_up(ANN)
    app = protect(sqlite_service)
    client = sqlite_service.client()
    sign_in(client)
    [(sealed,)] = sqlite_service.rows("SELECT sealed_secret FROM totp_factors")
    sqlite_service.execute(f"UPDATE totp_factors SET sealed_secret = x'00000009{sealed[4:].hex()}'")
    assert verify(client, app.wait()).status_code == 503
    assert recover(client, app.recovery_codes[0]).status_code == 200
