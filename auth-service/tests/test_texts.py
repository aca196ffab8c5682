"""Every text is bounded before it is normalized, which takes the square of the number of combining marks in a row."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from auth_service.accounts.passwords import MAX_LENGTH, PasswordHasher
from auth_service.network.trusted_origins import TrustedOrigins, parse_origin
from auth_service.oauth.client_metadata import parse
from auth_service.oauth.errors import OAuthError

from .browser import Browser
from .conftest import ISSUER, PASSWORD, Service
from .normalizing import MARKS, counted
from .oauth_client import TOKEN, register
from .registry import RESOURCES

WORK = 100_000  # steps: far less than the 400,000,000 that 20,000 marks in a row need


def hostile(marks: str, *, octets: int = 40_000, before: str = "a") -> str:
    return before + marks * (octets // len(marks.encode()))


NEW = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD}
FIELDS: dict[str, tuple[str, ...]] = {
    "/sign-up/email": ("name", "email", "password", "image", "callbackURL", "unknown"),
    "/sign-in/email": ("email", "password", "callbackURL"),
    "/update-user": ("name", "image", "email"),
    "/change-password": ("currentPassword", "newPassword"),
    "/verify-password": ("password",),
    "/delete-user": ("password", "token", "callbackURL"),
    "/revoke-session": ("token",),
    "/unlink-account": ("accountId",),
}
GOOD: dict[str, dict[str, Any]] = {
    "/sign-up/email": NEW,
    "/sign-in/email": {"email": "ann@example.com", "password": PASSWORD},
    "/change-password": {"currentPassword": PASSWORD, "newPassword": "another-horse-2"},
}


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in FIELDS.items() for name in names])
def test_no_member_is_normalized_before_it_is_bounded(
    sqlite_service: Service, path: str, name: str, marks: str
) -> None:
    client = sqlite_service.signed_up("ann@example.com")
    before = "https://app.example.com" if name == "callbackURL" else "a"
    body = {**GOOD.get(path, {}), name: hostile(MARKS[marks], before=before)}
    content = json.dumps(body, ensure_ascii=False).encode()
    with counted() as work:
        response = client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400, 403, 404)
    assert work.done < WORK


@pytest.mark.parametrize("name", ["callbackURL", "redirectTo", "errorCallbackURL", "newUserCallbackURL"])
@pytest.mark.parametrize("where", ["body", "query"])
def test_no_address_is_normalized_before_it_is_bounded(sqlite_service: Service, where: str, name: str) -> None:
    """The standard library normalizes the host of an address while it parses it."""
    url = hostile("\u0315\u0300", octets=20_000, before="https://app.example.com")
    client = sqlite_service.client()
    with counted() as work:
        if where == "body":
            response = client.post("/sign-in/email", json={**GOOD["/sign-in/email"], name: url})
        else:
            response = client.post("/sign-in/email", json=GOOD["/sign-in/email"], params={name: url[:6_000]})
    assert response.status_code == 403
    assert work.done < WORK


FORMS = {
    "/signin": ("email", "password", "form_token", "request", "remember"),
    "/signup": ("name", "email", "password", "form_token", "request"),
    "/signout": ("form_token", "request"),
    "/consent": ("form_token", "request", "decision"),
    TOKEN: (
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "scope",
        "resource",
        "code",
        "refresh_token",
    ),
    "/oauth/revoke": ("token", "token_type_hint"),
    "/oauth/introspect": ("token",),
    "/oauth/par": ("response_type", "redirect_uri", "state", "login_hint", "claims"),
    "/oauth/logout": ("id_token_hint", "client_id", "post_logout_redirect_uri", "state"),
    "/internal/verifiers": ("instance", "kids", "status_lists"),
}


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in FORMS.items() for name in names])
def test_no_field_of_a_form_is_normalized_before_it_is_bounded(sqlite_service: Service, path: str, name: str) -> None:
    browser = Browser(sqlite_service).open("/signin")
    filled = {"grant_type": "client_credentials", "email": "eve@example.com", "password": PASSWORD, "name": "Eve"}
    if path in ("/signin", "/signup"):
        filled |= {"form_token": browser.open(path).page.forms[f"{path[1:]}-form"][1]["form_token"]}
    client = register(sqlite_service, protected_resource=f"{ISSUER}/api/v1")
    by_client = not name.startswith("client_") and not path.startswith("/sign")
    options: dict[str, Any] = {"auth": (client.client_id, client.secret)} if by_client else {}
    # Percent-encoding makes three octets of each, and a form may have 64 KiB.
    form = {**filled, name: hostile("\u0315\u0300", octets=18_000)}
    with counted() as work:
        response = browser.client.post(path, data=form, **options)
    assert response.status_code < 500
    assert work.done < WORK


AUTHORIZE = (
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "scope",
    "prompt",
    "login_hint",
    "resource",
    "claims",
    "request",
)


@pytest.mark.parametrize("name", AUTHORIZE)
def test_no_parameter_of_authorize_is_normalized_before_it_is_bounded(sqlite_service: Service, name: str) -> None:
    url = "https://" + hostile("\u0315\u0300", octets=18_000)
    with counted() as work:
        response = Browser(sqlite_service).client.get("/oauth/authorize", params={name: url})
    assert response.status_code == 400
    assert work.done < WORK


METADATA = ("client_name", "scope", "redirect_uris", "post_logout_redirect_uris", "jwks_uri", "event_endpoint",
            "default_resource", "protected_resource", "token_endpoint_auth_method")  # fmt: skip


@pytest.mark.parametrize("name", METADATA)
def test_no_member_of_a_registration_is_normalized_before_it_is_bounded(name: str) -> None:
    text = "https://" + hostile("\u0315\u0300")
    members: dict[str, Any] = {"grant_types": ["client_credentials"], name: [text] if name.endswith("uris") else text}
    with counted() as work, pytest.raises(OAuthError):
        parse(members, resources=RESOURCES, supported_grant_types=["client_credentials"])
    assert work.done < WORK


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("call", [parse_origin, TrustedOrigins(ISSUER, ["https://*.example.com"]).trusts])
def test_an_origin_that_is_not_ascii_is_never_normalized(call: Callable[[str], object], marks: str) -> None:
    """An `Origin` or `Referer` is one; so is a `callbackURL`."""
    with counted() as work:
        assert not call("https://app" + MARKS[marks] * 50)
        assert not call("https://" + "a" * 301)
        assert not call("//app" + MARKS[marks] * 50)
    assert work.done == 0


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://app.example.com", "https://app.example.com"),
        ("https://app.example.com/päth?q=é#é", "https://app.example.com"),
        ("HTTPS://App.Example.com:443?x", "https://app.example.com"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("https://app.example.com" + "/x" * 4_000, "https://app.example.com"),
    ],
)
def test_an_address_keeps_its_origin_whatever_its_path(url: str, origin: str) -> None:
    assert parse_origin(url) == origin


def test_a_password_is_never_normalized_before_it_is_bounded() -> None:
    """The last line of defence: a caller that forgets to check the length gets an error, not seconds of work."""
    hasher = PasswordHasher(threads=1, queue_limit=1)

    async def use() -> None:
        with hasher.place("a") as place:
            for job in (place.hash, place.is_common):
                with pytest.raises(ValueError, match="checked before"):
                    await job("\u0315\u0300" * 1_000)
            await place.is_common("\u0315\u0300" * (MAX_LENGTH // 2))

    with counted() as work:
        asyncio.run(use())
    hasher.close()
    assert work.done <= MAX_LENGTH**2
