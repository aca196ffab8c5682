"""The three stories through the gateway: get an account, use it, keep one's todos private."""

import base64
import json
import time
from typing import Any

import pytest

from e2e_fixtures.issuer import Issuer
from e2e_fixtures.people import Person, bearer, browser, credentials, sign_up
from e2e_fixtures.stack import Stack

SIGN_IN, SIGN_UP, SESSION = "/api/auth/sign-in/email", "/api/auth/sign-up/email", "/api/auth/get-session"
INVALID = {"code": "INVALID_EMAIL_OR_PASSWORD", "message": "Invalid email or password"}


class TestSomebodySignsUpAndIn:
    def test_signing_up_signs_in(self, stack: Stack, person: Person) -> None:
        body = person.browser.get(SESSION).json()
        assert (body["user"]["id"], body["user"]["email"]) == (person.id, person.email)
        assert body["session"]["userId"] == person.id

    def test_signing_in_on_another_device_finds_the_same_account(self, stack: Stack, person: Person) -> None:
        other = browser(stack)
        signed_in = other.post(SIGN_IN, json=credentials(person.email))
        assert (signed_in.status_code, signed_in.json()["user"]["id"]) == (200, person.id)
        assert len(other.get("/api/auth/list-sessions").json()) == 2

    def test_cookies_are_not_for_scripts(self, stack: Stack) -> None:
        response = browser(stack).post(SIGN_UP, json={"name": "Ann", **credentials()})
        cookies = response.headers.get_list("Set-Cookie")
        assert "better-auth.session_token" in {cookie.partition("=")[0] for cookie in cookies}
        for cookie in cookies:
            assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {each.strip() for each in cookie.split(";")}

    def test_wrong_password_and_unknown_address_are_refused_alike_and_clearly(
        self, stack: Stack, person: Person
    ) -> None:
        wrong = browser(stack).post(SIGN_IN, json=credentials(person.email, "not-the-password"))
        unknown = browser(stack).post(SIGN_IN, json=credentials())
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert wrong.json() == unknown.json() == INVALID
        assert "Set-Cookie" not in wrong.headers

    def test_taken_address_is_refused(self, stack: Stack, person: Person) -> None:
        response = browser(stack).post(SIGN_UP, json={"name": "Bob", **credentials(person.email.upper())})
        assert response.status_code == 422
        assert response.json()["code"] == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"

    @pytest.mark.parametrize(
        ("password", "code"),
        [("short", "PASSWORD_TOO_SHORT"), ("x" * 129, "PASSWORD_TOO_LONG"), ("password1", "PASSWORD_COMPROMISED")],
    )
    def test_unfit_password_is_refused(self, stack: Stack, password: str, code: str) -> None:
        response = browser(stack).post(SIGN_UP, json={"name": "Ann", **credentials(password=password)})
        assert (response.status_code, response.json()["code"]) == (400, code)

    def test_signing_out_ends_the_session_for_whoever_kept_the_cookie(self, stack: Stack, person: Person) -> None:
        kept = dict(person.browser.cookies)
        assert person.browser.post("/api/auth/sign-out", json={}).json() == {"success": True}
        assert browser(stack, cookies=kept).get(SESSION).json() is None
        assert browser(stack, cookies=kept).get("/api/auth/token").status_code == 401


class TestSomebodyUsesTheirTodos:
    def test_todo_is_created_listed_changed_completed_and_deleted(self, person: Person) -> None:
        api = person.api()
        created = api.post("/api/v1/todos", json={"title": "Buy milk"})
        assert (created.status_code, created.json()["title"]) == (201, "Buy milk")
        path = created.headers["Location"]
        assert [todo["id"] for todo in api.get("/api/v1/todos").json()["items"]] == [created.json()["id"]]
        assert api.patch(path, json={"title": "Buy oat milk"}).json()["title"] == "Buy oat milk"
        assert api.post(f"{path}/complete").json()["status"] == "done"
        assert api.delete(path).status_code == 204
        assert api.get(path).status_code == 404

    def test_path_with_the_owner_is_the_same_list(self, person: Person) -> None:
        api = person.api()
        created = api.post(f"/api/v1/users/{person.id}/todos", json={"title": "Buy milk"})
        assert created.status_code == 201
        assert created.headers["Location"].startswith(f"/api/v1/users/{person.id}/todos/")
        assert api.get(f"/api/v1/todos/{created.json()['id']}").status_code == 200

    def test_token_is_as_promised(self, stack: Stack, person: Person) -> None:
        """The claims and the header of RFC 9068 §2."""
        header, claims = (_decode(segment) for segment in person.token().split(".")[:2])
        assert (header["alg"], header["typ"]) == ("RS256", "at+jwt")
        assert claims["iss"] == stack.url
        assert claims["aud"] == f"{stack.url}/api/v1"
        assert (claims["sub"], claims["client_id"]) == (person.id, "web")
        assert claims["scope"] == "todos:read todos:write"
        assert claims["exp"] - claims["iat"] == 300
        assert {"jti", "sid", "auth_time", "acr", "amr"} <= claims.keys()

    def test_session_gives_another_token_when_it_is_asked_again(self, person: Person) -> None:
        """A frontend asks again when its token has expired. Requests within one second get the same token."""
        first = person.token()
        time.sleep(1.1)
        second = person.token()
        time.sleep(1.1)
        in_header = person.browser.get(SESSION).headers["set-auth-jwt"]
        assert len({first, second, in_header}) == 3
        for token in (first, second, in_header):
            assert person.stack.client(headers=bearer(token)).get("/api/v1/todos").status_code == 200

    def test_bearer_credential_serves_without_cookies(self, stack: Stack) -> None:
        """A command-line program keeps this credential instead of cookies."""
        signed_up = browser(stack).post(SIGN_UP, json={"name": "Ann", **credentials()})
        without_cookies = stack.client(headers=bearer(signed_up.headers["set-auth-token"]))
        token = without_cookies.get("/api/auth/token").json()["token"]
        assert stack.client(headers=bearer(token)).get("/api/v1/todos").status_code == 200


class TestNobodyElseGetsAtThem:
    def test_no_token_is_asked_for_one(self, stack: Stack) -> None:
        """The challenge has no error code (RFC 6750 §3.1) and links to the resource metadata (RFC 9728 §5.1)."""
        response = stack.client().get("/api/v1/todos")
        assert response.status_code == 401
        where = f"{stack.url}/.well-known/oauth-protected-resource/api/v1"
        assert response.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{where}"'
        metadata = stack.client().get("/.well-known/oauth-protected-resource/api/v1").json()
        assert (metadata["resource"], metadata["authorization_servers"]) == (f"{stack.url}/api/v1", [stack.url])

    def test_bad_token_is_refused(self, stack: Stack, person: Person, issuer: Issuer) -> None:
        head, payload, signature = person.token().split(".")
        changed = base64.urlsafe_b64encode(json.dumps({**_decode(payload), "sub": "somebody-else"}).encode())
        foreign = issuer.token(iss=stack.url, aud=f"{stack.url}/api/v1")
        for token in ("nonsense", f"{head}.{changed.decode().rstrip('=')}.{signature}", foreign):
            response = stack.client(headers=bearer(token)).get("/api/v1/todos")
            assert response.status_code == 401
            assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
            assert response.headers["Content-Type"] == "application/problem+json"

    def test_session_opens_no_api(self, person: Person) -> None:
        """The gateway passes no cookies to the todo API, and a session credential is not an access token."""
        assert person.browser.get("/api/v1/todos").status_code == 401
        kept = person.browser.cookies["better-auth.session_token"]
        assert person.stack.client(headers=bearer(kept)).get("/api/v1/todos").status_code in (400, 401)

    def test_access_token_is_no_session(self, person: Person) -> None:
        assert person.api().get(SESSION).json() is None
        assert person.api().get("/api/auth/token").status_code == 401

    def test_second_account_sees_nothing_of_the_first(self, stack: Stack, person: Person) -> None:
        todo = person.api().post("/api/v1/todos", json={"title": "Secret"}).json()
        other = sign_up(stack, "Bob").api()
        assert other.get("/api/v1/todos").json()["items"] == []
        assert other.get(f"/api/v1/todos/{todo['id']}").status_code == 404
        refused = other.get(f"/api/v1/users/{person.id}/todos")
        assert refused.status_code == 403
        assert "Secret" not in refused.text


def _decode(segment: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return decoded
