"""The issuer's metadata: what is used of them, and what is refused with a text that says what to change."""

import json
from typing import Any

import pytest

from atjwt import Endpoints, discovery
from atjwt.discovery import UnusableMetadata

ISSUER = "https://id.example.com"
JWKS = f"{ISSUER}/jwks.json"
LISTS = f"{ISSUER}/lists"


def parse(*, issuer: Any = ISSUER, also_at: Any = (), **members: Any) -> Endpoints:
    made = {"issuer": issuer, "jwks_uri": JWKS, **members}
    return discovery.parse(json.dumps(made).encode(), issuer=ISSUER, also_at=also_at)


def test_keys_and_lists_are_named() -> None:
    assert parse() == Endpoints(JWKS)
    assert parse(status_list_aggregation_endpoint=f"{LISTS}/") == Endpoints(JWKS, LISTS)


@pytest.mark.parametrize(
    ("issuer", "places"),
    [
        (ISSUER, ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")),
        (f"{ISSUER}/a/b", ("/.well-known/oauth-authorization-server/a/b", "/a/b/.well-known/openid-configuration")),
        (f"{ISSUER}/a/", ("/.well-known/oauth-authorization-server/a", "/a/.well-known/openid-configuration")),
    ],
)
def test_metadata_are_where_both_specifications_say(issuer: str, places: tuple[str, str]) -> None:
    """RFC 8414 §3.1, OpenID Connect Discovery 1.0 §4.1."""
    assert discovery.addresses(issuer) == tuple(ISSUER + place for place in places)


def test_an_issuer_that_differs_by_a_slash_is_said_plainly() -> None:
    with pytest.raises(UnusableMetadata, match="slash at the end, which the document has"):
        parse(issuer=f"{ISSUER}/")
    with pytest.raises(UnusableMetadata, match="slash at the end, which the configuration has"):
        discovery.parse(json.dumps({"issuer": ISSUER, "jwks_uri": JWKS}).encode(), issuer=f"{ISSUER}/")
    for other in ("https://evil.example.com", f"{ISSUER}/a", None, 1):
        with pytest.raises(UnusableMetadata, match="another issuer"):
            parse(issuer=other)


@pytest.mark.parametrize(
    "url",
    [
        "https://keys.example.com/jwks.json",
        "http://id.example.com/jwks.json",
        "https://id.example.com:8443/jwks.json",
        "https://id.example.com.evil.example/jwks.json",
        "https://id.example.com@evil.example/jwks.json",
        "http://127.0.0.1:9200/jwks.json",
        "http://localhost/jwks.json",
        "http://[::1]/jwks.json",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//id.example.com/jwks.json",
        "/jwks.json",
        "jwks.json",
    ],
)
def test_keys_and_lists_at_another_origin_are_refused(url: str) -> None:
    """So that no document makes this service fetch from a neighbour, such as one on loopback."""
    for name in ("jwks_uri", "status_list_aggregation_endpoint"):
        with pytest.raises(UnusableMetadata, match=f"{name} is not at the issuer's origin"):
            parse(**{name: url})


def test_another_origin_can_be_allowed() -> None:
    url = "https://keys.example.com/jwks.json"
    assert parse(jwks_uri=url, also_at=("https://keys.example.com",)) == Endpoints(url)
    with pytest.raises(UnusableMetadata, match="also_at"):
        parse(jwks_uri=url, also_at=("https://keys.example.com:8443",))


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b"null", b'{"issuer": "a", "issuer": "b"}', b"[" * 100, b"\xff"],
    ids=range(7),
)
def test_what_are_no_metadata_is_refused(document: bytes) -> None:
    with pytest.raises(UnusableMetadata):
        discovery.parse(document, issuer=ISSUER)


@pytest.mark.parametrize("members", [{"jwks_uri": None}, {"jwks_uri": 1}, {"status_list_aggregation_endpoint": []}])
def test_addresses_are_strings(members: dict[str, Any]) -> None:
    with pytest.raises(UnusableMetadata, match="no string"):
        parse(**members)
