"""What a body may not be, at every endpoint that reads one: compressed, or of thousands of members or fields."""

import gzip
import json
from typing import NoReturn

import pytest

from auth_service.endpoints.better_auth.bodies import MAX_VALUES, Body
from auth_service.oauth.strict_json import has_more_values

from .conftest import ISSUER, PASSWORD, Service
from .oauth_client import GRANT, register

FORM = "application/x-www-form-urlencoded"
JSON_PATHS = [
    "/sign-up/email", "/sign-in/email", "/sign-out", "/update-user", "/change-password", "/verify-password",
    "/delete-user", "/unlink-account", "/revoke-session", "/revoke-sessions", "/revoke-other-sessions",
    "/passkey/verify-registration", "/passkey/verify-authentication", "/passkey/update-passkey",
    "/passkey/delete-passkey", "/sign-in/social", "/link-social",
]  # fmt: skip
FORM_PATHS = [
    "/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par", "/oauth/device_authorization",
    "/oauth/userinfo", "/internal/verifiers",
]  # fmt: skip
PAGES = [
    "/oauth/authorize",
    "/oauth/logout",
    "/signin",
    "/signup",
    "/consent",
    "/signout",
    "/select-account",
    "/device",
]


@pytest.mark.parametrize("path", [*JSON_PATHS, *FORM_PATHS, *PAGES])
@pytest.mark.parametrize("coding", ["gzip", "br", "identity, deflate"])
def test_a_compressed_body_is_refused_and_told_which_codings_there_are(
    sqlite_service: Service, path: str, coding: str
) -> None:
    """RFC 9110 §8.4, §15.5.16: a body that cannot be decoded is not read as if it were plain."""
    client, is_json = sqlite_service.signed_up(), path in JSON_PATHS
    address = path if is_json else f"{sqlite_service.url}{path}"
    headers = {"Content-Type": "application/json" if is_json else FORM, "Content-Encoding": coding}
    response = client.post(address, content=gzip.compress(b"{}" if is_json else b"a=b"), headers=headers)
    assert (response.status_code, response.headers["Accept-Encoding"]) == (415, "identity")
    if is_json:
        assert response.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"
    elif path in FORM_PATHS:
        assert response.json()["error"] == "invalid_request"
    else:
        assert 'id="error-title"' in response.text
    assert client.get("/get-session").json() is not None


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_a_body_without_a_coding_is_read(sqlite_service: Service, coding: str) -> None:
    client, headers = register(sqlite_service), {"Content-Encoding": coding}
    sign_up = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
    assert sqlite_service.client().post("/sign-up/email", json=sign_up, headers=headers).status_code == 200
    answer = sqlite_service.client().post(
        f"{sqlite_service.url}/oauth/token", data=GRANT, auth=(client.client_id, client.secret), headers=headers
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("path", JSON_PATHS)
@pytest.mark.parametrize("of", ["members", "elements"])
def test_a_body_of_thousands_of_members_is_refused_before_it_is_parsed(
    sqlite_service: Service, monkeypatch: pytest.MonkeyPatch, path: str, of: str
) -> None:
    members = {f"m{number}": 1 for number in range(5_000)}
    body = json.dumps(members if of == "members" else {"name": list(members)}).encode()
    client = sqlite_service.signed_up()

    def fail(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it was parsed or validated")

    with monkeypatch.context() as patched:
        patched.setattr("auth_service.endpoints.better_auth.bodies.json.loads", fail)
        patched.setattr(Body, "model_validate", fail)
        response = client.post(path, content=body, headers={"Content-Type": "application/json", "Origin": ISSUER})
    assert (response.status_code, response.text) == (
        400, '{"message": "Too many members in request body", "code": "BAD_REQUEST"}'
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", [b"[1,2,3,4]", b'{"a":1,"b":2,"c":3,"d":4}', b'{"a":[1,{"b":2}]}', rb'["a,b","[{","\\",","]', b"[1,[2,3]]"]
)
def test_members_and_elements_are_counted_exactly(text: bytes) -> None:
    assert not has_more_values(text, 4)
    assert has_more_values(text, 3)


def test_members_of_plugins_have_room(sqlite_service: Service) -> None:
    sign_up = {"name": "Ann, [{", "email": "ann@example.com", "password": PASSWORD}
    more = {f"m{number}": "," for number in range(MAX_VALUES - len(sign_up))}
    assert sqlite_service.client().post("/sign-up/email", json=sign_up | more).status_code == 200
