"""Passkeys by the Better Auth protocol: added, renamed and removed, also by pages of other origins."""

import jwt
import pytest

from auth_service.accounts.passkeys.passkeys import MAX_PASSKEYS
from auth_service.limits.mail_budgets import CHANGES

from .authenticator import PRESENT, RS256, VERIFIED, encode, make_credential
from .conftest import ISSUER, PASSWORD, Service, Start
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


class TestAdding:
    @pytest.mark.parametrize("algorithm", [-7, RS256])
    def test_a_new_passkey_signs_in_with_two_factors(self, service: Service, algorithm: int) -> None:
        client = service.signed_up(ANN)
        options = creation(client)
        assert options["rp"] == {"id": "localhost", "name": "localhost:8080"}
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert (options["user"]["name"], options["excludeCredentials"]) == (ANN, [])
        credential = make_credential(options, algorithm=algorithm)
        added = verify_registration(client, credential.attest(options), name="Laptop").json()
        user = client.get("/get-session").json()["user"]
        assert (added["name"], added["userId"], added["credentialID"]) == ("Laptop", user["id"], encode(credential.id))
        assert (added["deviceType"], added["backedUp"], added["transports"]) == ("multiDevice", True, "internal,hybrid")
        assert [each["id"] for each in creation(client)["excludeCredentials"]] == [encode(credential.id)]
        assert events(service, "passkey_added") == 1
        browser = service.client()
        signed_in = authenticate(browser, credential.sign_in(request_options(browser)))
        assert signed_in.json()["user"]["id"] == user["id"]
        assert "max-age" in signed_in.headers["set-cookie"].lower()
        claims = jwt.decode(browser.get("/token").json()["token"], options={"verify_signature": False})
        assert (claims["acr"], claims["amr"]) == ("aal2", ["swk", "user", "mfa"])

    def test_a_key_that_stays_on_its_device_says_so(self, sqlite_service: Service) -> None:
        credential = register(sqlite_service.signed_up(ANN), flags=PRESENT | VERIFIED, count=1)
        client = sqlite_service.client()
        authenticate(client, credential.sign_in(request_options(client)))
        claims = jwt.decode(client.get("/token").json()["token"], options={"verify_signature": False})
        assert claims["amr"] == ["hwk", "user", "mfa"]

    def test_a_sign_in_of_long_ago_is_not_enough(self, sqlite_service: Service) -> None:
        """A session that somebody has stolen cannot make a way in that outlives it."""
        client = sqlite_service.signed_up(ANN)
        options = creation(client)
        answer = make_credential(options).attest(options)
        passkey = verify_registration(client, answer).json()["id"]
        sqlite_service.clock.advance(minutes=11)
        for late in (
            client.get("/passkey/generate-register-options"),
            verify_registration(client, answer),
            client.post("/passkey/delete-passkey", json={"id": passkey}),
        ):
            assert refusal(late) == (403, "SESSION_NOT_FRESH")

    def test_a_second_factor_is_not_gone_around(self, sqlite_service: Service) -> None:
        """A session from before the second factor, or of a browser that is trusted, has not proved it."""
        client = sqlite_service.signed_up(ANN)
        app = protect(sqlite_service)
        assert refusal(client.get("/passkey/generate-register-options")) == (403, "SESSION_NOT_FRESH")
        assert client.post("/two-factor/verify-totp", json={"code": app.wait()}).status_code == 200
        register(client)

    def test_an_account_has_so_many_and_changes_so_many_in_a_day(self, start: Start, sqlite_url: str) -> None:
        service = start(sqlite_url)
        client = service.signed_up(ANN)
        register(client)
        columns = "public_key, sign_count, name, aaguid, transports, is_synced, is_backed_up, created_at, updated_at"
        for number in range(MAX_PASSKEYS - 1):
            service.execute(
                f"INSERT INTO passkeys (id, credential_id, account_id, {columns}) SELECT 'p{number}', 'c{number}', "
                f"account_id, {columns} FROM passkeys WHERE id NOT LIKE 'p%'"
            )
        options = creation(client)
        answer = verify_registration(client, make_credential(options).attest(options))
        assert refusal(answer) == (400, "TOO_MANY_PASSKEYS")
        changes = [client.post("/passkey/delete-passkey", json={"id": f"p{number}"}) for number in range(MAX_PASSKEYS)]
        assert changes[0].status_code == 200
        assert [each.status_code for each in changes] == [200] * (CHANGES - 1) + [429] * (MAX_PASSKEYS - CHANGES + 1)
        assert changes[-1].headers["retry-after"]

    def test_the_same_key_is_added_once(self, service: Service) -> None:
        client = service.signed_up(ANN)
        credential = register(client)
        stranger = service.signed_up(BOB)
        for other in (client, stranger):
            options = creation(other)
            assert refusal(verify_registration(other, credential.attest(options))) == (400, "PREVIOUSLY_REGISTERED")
        assert sign_in(service, credential).json()["user"]["email"] == ANN


class TestChanging:
    def test_renaming_and_removing(self, service: Service) -> None:
        client = service.signed_up(ANN)
        credential = register(client)
        [passkey] = client.get("/passkey/list-user-passkeys").json()
        assert passkey["name"] == "Passkey"
        renamed = client.post("/passkey/update-passkey", json={"id": passkey["id"], "name": " Phone "})
        assert renamed.json()["passkey"]["name"] == "Phone"
        assert client.post("/passkey/delete-passkey", json={"id": passkey["id"]}).json() == {"status": True}
        assert client.get("/passkey/list-user-passkeys").json() == []
        assert refusal(sign_in(service, credential)) == (401, "PASSKEY_NOT_FOUND")
        assert [events(service, f"passkey_{what}") for what in ("added", "renamed", "removed")] == [1, 1, 1]

    def test_somebody_elses_is_like_one_that_does_not_exist(self, service: Service) -> None:
        register(service.signed_up(ANN))
        [(passkey_id,)] = service.rows("SELECT id FROM passkeys")
        stranger = service.signed_up(BOB)
        for named in (passkey_id, "none"):
            change = stranger.post("/passkey/update-passkey", json={"id": named, "name": "Mine"})
            assert refusal(change) == (404, "PASSKEY_NOT_FOUND")
            assert refusal(stranger.post("/passkey/delete-passkey", json={"id": named})) == (404, "PASSKEY_NOT_FOUND")
        assert service.rows("SELECT count(*) FROM passkeys") == [(1,)]
        for path in ("update-passkey", "delete-passkey"):
            anonymous = service.client().post(f"/passkey/{path}", json={"id": passkey_id, "name": "Mine"})
            assert refusal(anonymous) == (401, "UNAUTHORIZED")

    def test_an_account_may_have_a_passkey_and_no_password(self, service: Service) -> None:
        client = service.signed_up(ANN)
        [password] = client.get("/list-accounts").json()
        assert refusal(client.post("/unlink-account", json={"accountId": password["id"]}))[0] == 400
        credential = register(client)
        assert client.post("/unlink-account", json={"accountId": password["id"]}).json() == {"status": True}
        assert refusal(client.post("/sign-in/email", json={"email": ANN, "password": PASSWORD}))[0] == 401
        assert sign_in(service, credential).status_code == 200
        [passkey] = client.get("/passkey/list-user-passkeys").json()
        last = client.post("/passkey/delete-passkey", json={"id": passkey["id"]})
        assert refusal(last) == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
        assert sign_in(service, credential).status_code == 200

    def test_an_account_takes_its_passkeys_with_it(self, service: Service) -> None:
        client = service.signed_up(ANN)
        credential = register(client)
        assert client.post("/delete-user", json={"password": PASSWORD}).status_code == 200
        assert service.rows("SELECT count(*) FROM passkeys") == [(0,)]
        assert refusal(sign_in(service, credential)) == (401, "PASSKEY_NOT_FOUND")

    def test_an_operator_removes_them(self, service: Service) -> None:
        credential = register(service.signed_up(ANN))
        assert service.command("users", "remove-passkeys", ANN, "--yes").returncode == 0
        assert refusal(sign_in(service, credential)) == (401, "PASSKEY_NOT_FOUND")
        assert service.command("users", "remove-passkeys", ANN, "--yes").returncode == 1


class TestOtherOrigins:
    def test_pages_of_named_origins_may_use_the_domains_passkeys(self, start: Start, sqlite_url: str) -> None:
        changes = {
            "AUTH_ISSUER": "https://id.example.com",
            "AUTH_PASSKEY_RP_ID": "example.com",
            "AUTH_PASSKEY_ORIGINS": "https://app.example.com",
        }
        service = start(sqlite_url, **changes)
        origins = {"origins": ["https://id.example.com", "https://app.example.com"]}
        assert service.client().get(f"{service.url}/.well-known/webauthn").json() == origins
        client = service.client(headers={"Origin": "https://app.example.com"})
        body = {"name": "Ann", "email": ANN, "password": PASSWORD}
        session = client.post("/sign-up/email", json=body).headers["set-auth-token"]
        bearer = {"Authorization": f"Bearer {session}"}
        answer = client.get("/passkey/generate-register-options", headers=bearer)
        cookies = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        options = answer.json()
        assert options["rp"]["id"] == "example.com"
        credential = make_credential(options, origin="https://app.example.com")
        path, headers = "/passkey/verify-registration", {**bearer, **cookies}
        other = make_credential(options, origin="https://other.example.com").attest(options)
        assert client.post(path, json={"response": other}, headers=headers).status_code == 400
        added = client.post(path, json={"response": credential.attest(options)}, headers=headers)
        assert added.status_code == 200, added.text

    def test_the_issuer_alone_is_listed_by_default(self, sqlite_service: Service) -> None:
        answer = sqlite_service.client().get(f"{sqlite_service.url}/.well-known/webauthn")
        assert answer.json() == {"origins": [ISSUER]}
