"""A malformed request gets the status, shape and code of the Better Auth protocol, and changes nothing."""

import json
from inspect import iscoroutinefunction
from typing import Any

import pytest
from fastapi import FastAPI

from auth_service.serving.failures import add_exception_handlers

from .conftest import ISSUER, PASSWORD, Service

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
BIG = b'{"name": "' + b"x" * 70_000 + b'"}'
GOOD: dict[str, Any] = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}


def changed(**members: object) -> bytes:
    return json.dumps({**GOOD, **members}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


BODIES: dict[str, tuple[str | None, bytes, int, str]] = {
    "text/plain": ("text/plain", changed(), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "no type": (None, changed(), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "a type with a quote": ('a"b', changed(), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "multipart": ("multipart/form-data; boundary=x", b"--x--", 415, "UNSUPPORTED_MEDIA_TYPE"),
    "no body": (None, b"", 400, "VALIDATION_ERROR"),
    "empty JSON": (JSON, b"", 400, "VALIDATION_ERROR"),
    "broken JSON": (JSON, b'{"name":', 400, "BAD_REQUEST"),
    "two values": (JSON, b"{} {}", 400, "BAD_REQUEST"),
    "NaN": (JSON, b'{"name": NaN}', 400, "BAD_REQUEST"),
    "not UTF-8": (JSON, b'{"name": "\xff"}', 400, "BAD_REQUEST"),
    "a lone surrogate": (JSON, b'{"name": "\\ud800"}', 400, "BAD_REQUEST"),
    "3,000 deep": (JSON, b"[" * 3_000 + b"]" * 3_000, 400, "BAD_REQUEST"),
    "30,000 deep": (JSON, b"[" * 30_000 + b"]" * 30_000, 400, "BAD_REQUEST"),
    "a long number": (JSON, b'{"name": ' + b"9" * 5_000 + b"}", 400, "BAD_REQUEST"),
    "too large": (JSON, BIG, 413, "PAYLOAD_TOO_LARGE"),
    "null": (JSON, b"null", 400, "VALIDATION_ERROR"),
    "a list": (JSON, b"[]", 400, "VALIDATION_ERROR"),
    "a string": (JSON, b'"x"', 400, "VALIDATION_ERROR"),
    "no name": (JSON, without("name"), 400, "VALIDATION_ERROR"),
    "no e-mail": (JSON, without("email"), 400, "VALIDATION_ERROR"),
    "no password": (JSON, without("password"), 400, "VALIDATION_ERROR"),
    "a number for a name": (JSON, changed(name=7), 400, "VALIDATION_ERROR"),
    "a list for an e-mail": (JSON, changed(email=["a@example.com"]), 400, "VALIDATION_ERROR"),
    "null for a password": (JSON, changed(password=None), 400, "VALIDATION_ERROR"),
    "an object for a password": (JSON, changed(password={"$ne": ""}), 400, "VALIDATION_ERROR"),
    "text for rememberMe": (JSON, changed(rememberMe="yes"), 400, "VALIDATION_ERROR"),
    "NUL in a name": (JSON, changed(name="a\x00b"), 400, "VALIDATION_ERROR"),
    "a line feed in a name": (JSON, changed(name="a\nb"), 400, "VALIDATION_ERROR"),
    "a final line feed in a name": (JSON, changed(name="a\n"), 400, "VALIDATION_ERROR"),
    "a name of 257": (JSON, changed(name="x" * 257), 400, "VALIDATION_ERROR"),
    "an image of 2,049": (JSON, changed(image="x" * 2_049), 400, "VALIDATION_ERROR"),
    "broken form": (FORM, b"name", 400, "BAD_REQUEST"),
    "form not UTF-8": (FORM, b"name=%ff", 400, "BAD_REQUEST"),
    "form with 60 fields": (FORM, b"&".join(b"a=%d" % i for i in range(60)), 400, "BAD_REQUEST"),
}  # fmt: skip


@pytest.mark.parametrize(("media_type", "body", "status", "code"), BODIES.values(), ids=BODIES)
def test_bad_bodies_are_refused_by_name(
    sqlite_service: Service, media_type: str | None, body: bytes, status: int, code: str
) -> None:
    headers = {"Origin": ISSUER} | ({"Content-Type": media_type} if media_type else {})
    response = sqlite_service.client(headers=headers).post("/sign-up/email", content=body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert isinstance(response.json()["message"], str)
    assert sqlite_service.rows("SELECT * FROM accounts") == []


MESSAGES = {
    b"{}": "[body.name] Invalid input: expected string, received undefined; "
    "[body.email] Invalid input: expected string, received undefined; "
    "[body.password] Invalid input: expected string, received undefined",
    b"[]": "[body] Invalid input: expected object, received array",
    b"": "[body] Invalid input: expected object, received undefined",
    changed(name=None): "[body.name] Invalid input: expected string, received null",
    changed(rememberMe=1): "[body.rememberMe] Invalid input: expected boolean, received number",
    changed(password=""): "[body.password] Too small: expected string to have >=1 characters",
}


@pytest.mark.parametrize(("body", "message"), MESSAGES.items())
def test_what_is_wrong_is_said_in_the_words_of_the_original(sqlite_service: Service, body: bytes, message: str) -> None:
    headers = {"Origin": ISSUER, "Content-Type": JSON}
    assert sqlite_service.client(headers=headers).post("/sign-up/email", content=body).json()["message"] == message


def test_a_form_signs_up_and_in(sqlite_service: Service) -> None:
    """In the Better Auth protocol these two endpoints also take a form."""
    client = sqlite_service.client()
    assert client.post("/sign-up/email", data={**GOOD, "rememberMe": "false"}).status_code == 200
    response = client.post("/sign-in/email", data={"email": GOOD["email"], "password": PASSWORD})
    assert response.status_code == 200
    assert client.post("/sign-out", data={"a": "b"}).status_code == 415


def test_unknown_members_are_ignored(sqlite_service: Service) -> None:
    body = {**GOOD, "oauth_query": "a=b", "isAdmin": True, "emailVerified": True, "id": "x", "remember_me": 7}
    answer = sqlite_service.client().post("/sign-up/email", json=body).json()
    assert answer["user"]["emailVerified"] is False
    assert answer["user"]["id"] != "x"


NOT_THERE = [
    ("GET", "/api/auth"), ("GET", "/api/auth/"), ("GET", "/api/auth/nope"),
    ("GET", "/api/auth/sign-in/email"), ("GET", "/api/auth/sign-out"), ("GET", "/api/auth/get-session/"),
    ("GET", "/api/auth//get-session"), ("HEAD", "/api/auth/sign-out"), ("OPTIONS", "/api/auth/get-session"),
    ("PUT", "/api/auth/sign-up/email"), ("DELETE", "/api/auth/token"), ("GET", "/api/auth/Token"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), NOT_THERE)
def test_unknown_paths_and_methods_are_an_empty_404(sqlite_service: Service, method: str, path: str) -> None:
    """The Better Auth protocol sends no body and no content type with its 404."""
    response = sqlite_service.client().request(method, f"{sqlite_service.url}{path}")
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers


def test_an_anonymous_call_with_a_bad_body_is_told_of_the_body(sqlite_service: Service) -> None:
    """The protocol's order of checks: media type, then origin, then members."""
    client = sqlite_service.client(headers={"Origin": "https://evil.example.net", "Cookie": "a=b"})
    assert client.post("/sign-in/email", content="x", headers={"Content-Type": "a/b"}).status_code == 415
    assert client.post("/sign-in/email", content="x", headers={"Content-Type": JSON}).json()["code"] == "BAD_REQUEST"
    assert client.post("/sign-in/email", json={"email": 7}).json()["code"] == "INVALID_ORIGIN"


def test_get_session_takes_no_post(sqlite_service: Service) -> None:
    """GET already prolongs a session."""
    client = sqlite_service.signed_up()
    response = client.post("/get-session")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert response.json()["code"] == "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"


def test_a_refusal_is_rendered_without_a_thread() -> None:
    """Starlette runs a handler that is no coroutine function in a thread of its pool."""
    app = FastAPI()
    add_exception_handlers(app)
    assert [kind for kind, handler in app.exception_handlers.items() if not iscoroutinefunction(handler)] == []
