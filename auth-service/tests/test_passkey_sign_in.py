"""Signing in with a passkey: what is accepted, once, in one browser; and answers that lie."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .authenticator import PRESENT, VERIFIED, encode, make_credential
from .conftest import PASSWORD, Service
from .factor_scene import protect
from .passkey_scene import (
    ANN,
    BOB,
    authenticate,
    creation,
    events,
    refusal,
    register,
    request_options,
    sign_in,
    verify_registration,
)


class TestChallenges:
    def test_of_two_simultaneous_answers_one_counts(self, service: Service) -> None:
        client = service.signed_up(ANN)
        credential = register(client)
        browser = service.client()
        answer = credential.sign_in(request_options(browser))
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: authenticate(browser, answer), range(4)))
        assert sorted(each.status_code for each in answers) == [200, 400, 400, 400]
        assert refusal(authenticate(browser, answer)) == (400, "CHALLENGE_NOT_FOUND")

    def test_a_registration_counts_once(self, service: Service) -> None:
        client = service.signed_up(ANN)
        options = creation(client)
        first, second = make_credential(options), make_credential(options)
        assert verify_registration(client, first.attest(options)).status_code == 200
        assert refusal(verify_registration(client, second.attest(options))) == (400, "CHALLENGE_NOT_FOUND")

    def test_it_lasts_five_minutes_and_counts_in_its_browser_only(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        mine, other = sqlite_service.client(), sqlite_service.client()
        options = request_options(mine)
        request_options(other)
        for browser in (other, sqlite_service.client()):
            assert refusal(authenticate(browser, credential.sign_in(options))) == (400, "CHALLENGE_NOT_FOUND")
        sqlite_service.clock.advance(minutes=5, seconds=1)
        assert refusal(authenticate(mine, credential.sign_in(options))) == (400, "CHALLENGE_NOT_FOUND")

    def test_a_second_tab_does_not_end_the_first_ones(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        browser = sqlite_service.client()
        first, _ = request_options(browser), request_options(browser)
        assert authenticate(browser, credential.sign_in(first)).status_code == 200

    def test_one_to_register_belongs_to_its_session_and_purpose(self, sqlite_service: Service) -> None:
        client = sqlite_service.signed_up(ANN)
        credential = register(client)
        options = creation(client)
        crossed = credential.sign_in({"challenge": options["challenge"]})
        assert refusal(authenticate(client, crossed)) == (400, "CHALLENGE_NOT_FOUND")
        client.post("/sign-in/email", json={"email": ANN, "password": PASSWORD})
        answer = make_credential(options).attest(options)
        assert refusal(verify_registration(client, answer)) == (400, "CHALLENGE_NOT_FOUND")

    def test_asking_for_options_stores_nothing(self, sqlite_service: Service) -> None:
        """A sign-in page asks on every view: strangers must not fill a table."""
        client = sqlite_service.client()
        for _ in range(3):
            request_options(client)
        assert sqlite_service.rows("SELECT count(*) FROM used_challenges") == [(0,)]

    def test_the_worker_forgets_answered_ones(self, sqlite_service: Service) -> None:
        register(sqlite_service.signed_up(ANN))
        assert sqlite_service.rows("SELECT count(*) FROM used_challenges") == [(1,)]


SIGN_INS: dict[str, dict[str, Any]] = {
    "another origin": {"credential": {"origin": "https://evil.example.com"}},
    "a trusted origin that is none for passkeys": {"credential": {"origin": "https://app.example.com"}},
    "another RP ID": {"credential": {"rp_id": "evil.example.com"}},
    "nobody verified": {"credential": {"flags": PRESENT | 0x18}},
    "nobody present": {"credential": {"flags": VERIFIED | 0x18}},
    "a synced key that is bound to a device now": {"credential": {"flags": PRESENT | VERIFIED}},
    "another account's user handle": {"credential": {"user_handle": b"x" * 32}},
    "no user handle": {"credential": {"user_handle": b""}},
    "a frame of another site": {"client_data": {"crossOrigin": True}},
    "a frame of another site, by its name": {"client_data": {"topOrigin": "https://evil.example.com"}},
    "an answer to another question": {"client_data": {"type": "webauthn.create"}},
}


@pytest.mark.parametrize("lie", SIGN_INS.values(), ids=SIGN_INS)
def test_a_wrong_sign_in_is_refused(sqlite_service: Service, lie: dict[str, dict[str, Any]]) -> None:
    """Web Authentication Level 3 §7.2."""
    credential = register(sqlite_service.signed_up(ANN))
    client = sqlite_service.client()
    for name, value in lie.get("credential", {}).items():
        setattr(credential, name, value)
    answer = credential.sign_in(request_options(client), **lie.get("client_data", {}))
    assert refusal(authenticate(client, answer)) == (400, "AUTHENTICATION_FAILED")
    assert client.get("/get-session").json() is None


class TestSigningIn:
    def test_a_foreign_key_under_a_known_credential_id_is_refused(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        mallory = sqlite_service.signed_up(BOB)
        forged = make_credential(creation(mallory), id=credential.id)
        forged.user_handle = credential.user_handle
        assert refusal(sign_in(sqlite_service, forged)) == (400, "AUTHENTICATION_FAILED")

    def test_a_credential_of_nobody_is_unknown(self, sqlite_service: Service) -> None:
        stranger = make_credential(creation(sqlite_service.signed_up(ANN)))
        assert refusal(sign_in(sqlite_service, stranger)) == (401, "PASSKEY_NOT_FOUND")

    def test_a_copied_key_is_noticed_by_its_counter(self, service: Service) -> None:
        """§6.1.1: the copy's counter lags behind, and its answer is right in all else."""
        credential = register(service.signed_up(ANN), count=7)
        copy = credential.clone()
        assert sign_in(service, credential).status_code == 200
        assert refusal(sign_in(service, copy)) == (400, "AUTHENTICATION_FAILED")
        assert events(service, "passkey_copied") == 1
        assert sign_in(service, credential).status_code == 200
        wrong = credential.clone()
        wrong.count = 0
        client = service.client()
        answer = wrong.sign_in(request_options(client))
        answer["response"]["signature"] = encode(b"junk")
        assert refusal(authenticate(client, answer)) == (400, "AUTHENTICATION_FAILED")
        assert events(service, "passkey_copied") == 1, "an unsigned counter says nothing"

    def test_no_code_is_asked_for_and_the_lockout_holds_nobody(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        protect(sqlite_service)
        guesser = sqlite_service.client()
        for _ in range(6):
            held = guesser.post("/sign-in/email", json={"email": ANN, "password": "not-the-password"})
        assert held.status_code == 429
        assert sign_in(sqlite_service, credential).json()["user"]["twoFactorEnabled"]

    def test_a_suspended_account_is_refused_for_its_owner_only(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        assert sqlite_service.command("users", "suspend", ANN, "--yes").returncode == 0
        assert refusal(sign_in(sqlite_service, credential)) == (403, "ACCOUNT_SUSPENDED")

    def test_a_person_who_is_signed_in_signs_in_again(self, sqlite_service: Service) -> None:
        """The session goes on, newly authenticated; the options name its person's passkeys."""
        client = sqlite_service.signed_up(ANN)
        credential = register(client)
        before = client.get("/get-session").json()["session"]["token"]
        sqlite_service.clock.advance(minutes=30)
        options = request_options(client)
        assert [each["id"] for each in options["allowCredentials"]] == [encode(credential.id)]
        credential.user_handle = b""  # an authenticator may leave it out then
        assert authenticate(client, credential.sign_in(options)).json()["session"]["token"] == before
        assert client.get("/passkey/generate-register-options").status_code == 200

    def test_another_site_signs_nobody_in(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN))
        client = sqlite_service.client(headers={"Origin": "https://evil.example.com"})
        answer = credential.sign_in(request_options(client))
        assert refusal(authenticate(client, answer)) == (403, "INVALID_ORIGIN")
