"""Metadata documents that are not valid, not there, or fetched too often: a page with the reason; nothing is stored."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from auth_service.clients.fetched_documents import FRESH, LONGEST, SHORTEST, freshness
from auth_service.limits.documents import PER_NETWORK
from auth_service.network import outbound
from auth_service.oauth.client_documents import MAX_SIZE, is_document_url

from .browser import Browser, signed_in
from .client_documents import JSON, Documents, documents, on_sqlite, running
from .code_flow import Frontend
from .oauth_client import public_jwk
from .test_open_registration import OPEN_API, SCOPE, put_api

__all__ = ["documents", "on_sqlite"]  # fixtures


URLS = {
    "https://app.example.com/client.json": True,
    "https://app.example.com/": True,
    "https://app.example.com:8443/a/b?v=1": True,
    "https://app.example.com": False,
    "http://app.example.com/client.json": False,
    "https://app.example.com/client.json#a": False,
    "https://ann@app.example.com/client.json": False,
    "https://app.example.com/a/../client.json": False,
    "https://app.example.com/./client.json": False,
    "https://app.example.com/%2e%2E/client.json": False,
    "https://App.example.com/client.json": False,
    "HTTPS://app.example.com/client.json": False,
    "https://app.example.com/cli ent.json": False,
    "https://app.example.com\\@evil.example.com/": False,
    "https://[::1]/client.json": False,
    "https://app.example.com/" + "a" * 231: True,
    "https://app.example.com/" + "a" * 232: False,
}


@pytest.mark.parametrize("url", URLS)
def test_a_client_id_is_a_url_in_one_spelling(url: str) -> None:
    """Draft §3."""
    assert is_document_url(url) is URLS[url]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another client's id": ({"client_id": "https://localhost/client.json"}, "client_id: must be the URL"),
    "no client_id": ({"client_id": None}, "client_id: must be the URL"),
    "a secret": ({"client_secret": "x"}, "client_secret: a public document must not have it"),
    "a method with a secret": ({"token_endpoint_auth_method": "client_secret_basic"}, "auth_method: supported here"),
    "no redirect URI": ({"redirect_uris": None}, "redirect_uris: authorization_code needs at least one"),
    "a redirect URI over http": ({"redirect_uris": ["http://app.example.com/"]}, "invalid_redirect_uri"),
    "no known grant type": ({"grant_types": ["implicit"]}, "grant_types: supported are"),
    "an unusable key": (
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public_jwk("rsa", d="AQAB")]}}, "jwks: a",
    ),
    "a protection that is not given": ({"require_signed_request_object": True}, "require_signed_request_object"),
    "a name with a line break": ({"client_name": "a\nb"}, "client_name"),
    "too many members": ({"contacts": ["a"] * 300}, "too many members"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_is_not_valid_ends_at_a_page(documents: Documents, name: str) -> None:
    """Draft §4. The page has what the client's developer has to change; nothing is stored."""
    changes, told = REFUSED[name]
    client = documents.publish(**changes)
    page = signed_in(documents.service).authorize(client, scope=SCOPE)
    assert page.last.status_code == 400
    assert told in page.page.text
    assert documents.service.rows("SELECT count(*) FROM authorization_requests") == [(0,)]
    assert documents.clients() == []


ANSWERS: dict[str, dict[str, Any]] = {
    "redirects": {"status": 302, "headers": {"Location": "https://localhost/"}},
    "is missing": {"status": 404},
    "is an error of the server": {"status": 500},
    "is empty": {"status": 204, "body": b""},
    "grows": {"body": b'{"a": "' + b"x" * MAX_SIZE + b'"}'},
    "is encoded": {"headers": {**JSON, "Content-Encoding": "gzip"}},
    "is a page": {"headers": {"Content-Type": "text/html"}},
    "is no JSON": {"body": b"{"},
    "is an array": {"body": b"[]"},
    "names a member twice": {"body": b'{"client_id": "a", "client_id": "b"}'},
    "is not UTF-8": {"body": b'{"client_id": "\xff"}'},
    "has deep brackets": {"body": b'{"a":' + b"[" * 150 + b"]" * 150 + b"}"},
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_has_no_document_ends_at_a_page_and_is_asked_again(documents: Documents, name: str) -> None:
    """Draft §5, §5.1 and §5.2: no redirects, 200 only, and a failure is not cached."""
    client = documents.publish()
    for member, value in ANSWERS[name].items():
        setattr(documents.server, member, value)
    browser = Browser(documents.service)
    for count in (1, 2):
        assert browser.authorize(client, scope=SCOPE).last.status_code == 400
        assert len(documents.server.requests) == count
    documents.change(client)
    assert browser.authorize(client, scope=SCOPE).path == "/signin"


def test_a_server_that_stalls_ends_at_a_page(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "TOTAL_TIMEOUT", timedelta(milliseconds=300))
    client = documents.publish()
    documents.server.pause = 0.1
    assert Browser(documents.service).authorize(client, scope=SCOPE).last.status_code == 400
    documents.server.pause = 0


def test_a_document_on_loopback_is_not_fetched(sqlite_url: str, tmp_path: Path) -> None:
    """The outbound rules: a private address only if the operator lists it. Neither by its name nor by its number."""
    with running(sqlite_url, tmp_path, AUTH_OUTBOUND_ALLOWED_NETWORKS="") as (one, server):
        put_api(one.service, OPEN_API)
        for host in ("localhost", "127.0.0.1", "0.0.0.0", "2130706433"):
            client = Frontend(one.service, f"https://{host}:{server.port}/client.json")
            assert Browser(one.service).authorize(client, scope=SCOPE).last.status_code == 400
        assert server.requests == []


@pytest.mark.parametrize(
    ("cache_control", "lasting"),
    [
        ("", FRESH),
        ("max-age=600", timedelta(minutes=10)),
        ("public, max-age=600, immutable", timedelta(minutes=10)),
        ("max-age=0", SHORTEST),
        ("no-store", SHORTEST),
        ("private, no-cache, max-age=600", SHORTEST),
        ("max-age=31536000", LONGEST),
        ("max-age=-1", FRESH),
        ("x-max-age=600", FRESH),
    ],
)
def test_a_document_is_cached_by_its_headers_within_bounds(cache_control: str, lasting: timedelta) -> None:
    """Draft §5.2."""
    assert freshness(cache_control) == lasting


def test_a_cached_document_is_fetched_again_when_it_is_old(documents: Documents) -> None:
    documents.service.clock.stop()
    client, browser = documents.publish(), Browser(documents.service)
    documents.server.headers["Cache-Control"] = "max-age=120"
    for seconds, fetched in ((0, 1), (119, 1), (1, 2)):
        documents.service.clock.advance(seconds=seconds)
        browser.authorize(client, scope=SCOPE)
        assert len(documents.server.requests) == fetched


def test_requests_at_once_share_one_fetch(documents: Documents) -> None:
    client = documents.publish()
    documents.server.pause = 0.002
    with ThreadPoolExecutor(6) as together:
        pages = list(together.map(lambda _: Browser(documents.service).authorize(client, scope=SCOPE).path, range(6)))
    assert pages == ["/signin"] * 6
    assert len(documents.server.requests) == 1


def test_a_source_that_causes_fetches_without_end_is_held_and_others_are_not(sqlite_url: str, tmp_path: Path) -> None:
    """Budgets per network; the cached document of another client still serves those who are held."""
    with running(sqlite_url, tmp_path, AUTH_LIMITS="on") as (one, server):
        put_api(one.service, OPEN_API)
        documents = Documents(one.service, server)
        known = documents.publish()
        noisy = Browser(one.service, {"X-Forwarded-For": "192.0.2.1"})
        assert noisy.authorize(known, scope=SCOPE).path == "/signin"
        for _ in range(PER_NETWORK - 1):
            assert noisy.authorize(documents.publish(), scope=SCOPE).path == "/signin"
        held = noisy.authorize(documents.publish(), scope=SCOPE).last
        assert (held.status_code, int(held.headers["Retry-After"]) > 0) == (429, True)
        assert len(server.requests) == PER_NETWORK
        assert noisy.authorize(known, scope=SCOPE).path == "/signin"
        other = Browser(one.service, {"X-Forwarded-For": "192.0.2.2"})
        assert other.authorize(documents.publish(), scope=SCOPE).path == "/signin"
