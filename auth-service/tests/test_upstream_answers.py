"""Answers of upstream providers that are wrong, replayed, or not ours: a page in words, no session, and a way on."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from auth_service.accounts.upstreams.discovery import parse_metadata
from auth_service.oauth.upstream_answers import BadAnswer, Person, read_answer, read_person
from auth_service.oauth.upstreams import InvalidUpstream, Upstream

from .browser import Browser
from .conftest import ISSUER, Service
from .lying_provider import CLIENT_ID, CLIENT_SECRET, METADATA, OTHER_KEY, LyingProvider, lying_provider, signed
from .oauth_client import encode, public_jwk
from .upstream_scene import CALLBACK, Traveller, is_signed_in, linked, register

NOT_ACCEPTED, NOT_NOW, EXPIRED = "could not be accepted", "cannot be used at the moment", "This sign-in cannot go on"


@pytest.fixture(scope="module")
def running_provider() -> Iterator[LyingProvider]:
    with lying_provider() as running:
        yield running


@pytest.fixture
def provider(running_provider: LyingProvider) -> LyingProvider:
    """The same server, honest again."""
    fresh = LyingProvider(running_provider.issuer)
    vars(running_provider).update(vars(fresh))
    return running_provider


@pytest.fixture
def traveller(sqlite_service: Service, provider: LyingProvider) -> Traveller:
    sqlite_service.upstreams.metadata.forget()
    register(sqlite_service, provider, trusted=True)
    return Traveller.of(sqlite_service, provider)


def unsigned(claims: dict[str, Any]) -> str:
    return f"{encode({'alg': 'none'})}.{encode(claims)}."


def by_secret(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, CLIENT_SECRET.ljust(32), "HS256", headers={"kid": "rsa"})


def by_own_key(claims: dict[str, Any]) -> str:
    """The token brings its own key, as RFC 7515 §4.1.3 allows."""
    return f"{encode({'alg': 'RS256', 'jwk': public_jwk(OTHER_KEY)})}.{signed(claims, OTHER_KEY).partition('.')[2]}"


LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"claims": {"iss": "https://another.example.com"}},
    "no issuer": {"claims": {"iss": None}},
    "another audience": {"claims": {"aud": "another"}},
    "another audience, and our azp": {"claims": {"aud": "another", "azp": CLIENT_ID}},
    "two audiences, and another azp": {"claims": {"aud": [CLIENT_ID, "another"], "azp": "another"}},
    "a swapped nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "expired": {"claims": {"iat": int(time.time()) - 700, "exp": int(time.time()) - 400}},
    "no expiry": {"claims": {"exp": None}},
    "of the future": {"claims": {"iat": int(time.time()) + 86_400}},  # counted from the collection of the tests
    "no subject": {"claims": {"sub": None}},
    "a subject that is no text": {"claims": {"sub": 1}},
    "a long subject": {"claims": {"sub": "x" * 256}},
    "unsigned": {"sign": unsigned},
    "signed by our secret": {"sign": by_secret},
    "signed by another key": {"sign": lambda claims: signed(claims, OTHER_KEY)},
    "signed by an unknown key": {"sign": lambda claims: signed(claims, OTHER_KEY, kid="unknown")},
    "signed by a key that it brings": {"sign": by_own_key},
    "another access token's hash": {"claims": {"at_hash": "x"}},
    "no ID token": {"token": {"id_token": None}},
    "an ID token that is none": {"token": {"id_token": ["x"]}},
    "no access token": {"token": {"access_token": None}},
    "userinfo of another": {"claims": {"email": None}, "userinfo": {"sub": "2", "email": "x@example.com"}},
    "userinfo that is none": {"claims": {"email": None}, "replies": {"/userinfo": (200, ["x"])}},
    "the code is refused": {"replies": {"/token": (400, {"error": "invalid_grant", "error_description": "<b>"})}},
    "an answer that is no JSON": {"replies": {"/token": (200, b"<html>")}},
    "an answer without end": {"replies": {"/token": (200, b"[" * 60_000)}},
    "an answer that is a list": {"replies": {"/token": (200, ["x"])}},
    "a redirect": {"replies": {"/token": (302, {})}},
}
PROBLEMS: dict[str, dict[str, Any]] = {
    "it fails": {"replies": {"/token": (500, {"error": "server_error"})}},
    "it answers without end": {"replies": {"/token": (200, b"x" * 70_000)}},
}


@pytest.mark.parametrize("lie", [*LIES, *PROBLEMS])
def test_a_lie_signs_nobody_in(sqlite_service: Service, traveller: Traveller, lie: str) -> None:
    address = traveller.leave()
    vars(traveller.provider).update((LIES | PROBLEMS)[lie])
    browser = traveller.come_back(traveller.provider.answer(address))
    assert (NOT_ACCEPTED if lie in LIES else NOT_NOW) in browser.page.text
    assert "continue-with-elsewhere" in browser.page.elements, "the way on"
    assert not is_signed_in(browser)
    assert linked(sqlite_service) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"iss": "https://another.example.com"}, NOT_ACCEPTED),
        ({"iss": None}, NOT_ACCEPTED),
        ({"code": None}, NOT_ACCEPTED),
        ({"code": "invented"}, NOT_ACCEPTED),
        ({"code": None, "error": "invalid_scope", "error_description": "<script>"}, NOT_ACCEPTED),
        ({"code": None, "error": "access_denied"}, "You did not continue with Elsewhere"),
        ({"code": None, "error": "server_error"}, NOT_NOW),
        ({"code": None, "error": "access_denied", "iss": "https://another.example.com"}, NOT_ACCEPTED),
        ({"state": "another"}, EXPIRED),
        ({"state": None}, EXPIRED),
        ({"state": "x" * 200}, EXPIRED),
        ({"state": "\u00e4"}, EXPIRED),
    ],
)
def test_an_answer_is_checked_before_anything_is_asked(
    traveller: Traveller, changes: dict[str, str | None], text: str
) -> None:
    """RFC 9207: `iss` is the provider's, in errors too, and is missing only if its metadata do not promise it."""
    browser = traveller.come_back(traveller.provider.answer(traveller.leave(), **changes))
    assert text in browser.page.text
    assert "<script>" not in browser.last.text
    assert not is_signed_in(browser)


def test_an_answer_counts_once_and_sent_again_it_leads_on(sqlite_service: Service, traveller: Traveller) -> None:
    answer = traveller.provider.answer(traveller.leave())
    traveller.come_back(answer)
    asked = traveller.provider.requests.count("/token")
    assert "signed-in" in traveller.come_back(answer).page.elements
    assert traveller.provider.requests.count("/token") == asked
    traveller.browser.client.cookies.delete("better-auth.session_token")
    assert "answered before" in traveller.come_back(answer).page.text


def test_an_answer_belongs_to_the_browser_that_asked(sqlite_service: Service, traveller: Traveller) -> None:
    """RFC 9700 §4.7.1: whoever is sent another person's answer is not signed in as that person."""
    answer = traveller.provider.answer(traveller.leave())
    victim = Browser(sqlite_service)
    assert "needs cookies" in victim.open(CALLBACK, **answer).page.text
    victim.open("/signin")
    assert EXPIRED in victim.open(CALLBACK, **answer).page.text
    assert not is_signed_in(victim)
    assert is_signed_in(traveller.come_back(answer)), "it is still good where it belongs"


def test_answers_of_two_tabs_cannot_be_mixed_up(traveller: Traveller) -> None:
    one, two = (traveller.provider.answer(traveller.leave()) for _ in range(2))
    assert NOT_ACCEPTED in traveller.come_back({**one, "code": two["code"]}).page.text
    assert NOT_ACCEPTED in traveller.come_back({**two, "code": one["code"]}).page.text
    tabs = [traveller.provider.answer(traveller.leave()) for _ in range(2)]
    assert is_signed_in(traveller.come_back(tabs[0])), "each tab alone goes on"


def test_an_answer_belongs_to_its_provider(sqlite_service: Service, traveller: Traveller) -> None:
    """RFC 9700 §4.4: each provider has a callback of its own."""
    with lying_provider() as other:
        register(sqlite_service, other, "other")
        answer = traveller.provider.answer(traveller.leave())
        assert EXPIRED in traveller.come_back(answer, "/api/auth/callback/other").page.text
    for other_path in ("nobody", "%00", "x" * 1000):
        assert EXPIRED in traveller.come_back(answer, f"/api/auth/callback/{other_path}").page.text


def test_an_answer_may_come_late_but_not_too_late(sqlite_service: Service, traveller: Traveller) -> None:
    answer = traveller.provider.answer(traveller.leave())
    sqlite_service.clock.advance(minutes=31)
    assert EXPIRED in traveller.come_back(answer).page.text


def test_a_provider_that_was_changed_meanwhile_is_another_one(sqlite_service: Service, traveller: Traveller) -> None:
    answer = traveller.provider.answer(traveller.leave())
    sqlite_service.execute("UPDATE upstream_providers SET client_id = 'another'")
    sqlite_service.forget()
    assert NOT_ACCEPTED in traveller.come_back(answer).page.text
    sqlite_service.execute("DELETE FROM upstream_providers")
    sqlite_service.forget()
    assert "not offered any more" in traveller.browser.press("upstream-form", "continue-with-elsewhere").page.text


def test_a_posted_answer_is_sent_on_to_get(sqlite_service: Service, provider: LyingProvider) -> None:
    """OAuth 2.0 Form Post Response Mode: the post of another site comes without our cookies."""
    register(sqlite_service, provider, response_mode="form_post")
    traveller = Traveller.of(sqlite_service, provider)
    address = traveller.leave()
    assert "response_mode=form_post" in address
    without_cookies = Browser(sqlite_service, {"Origin": provider.issuer}).client
    sent_on = without_cookies.post(CALLBACK, data=provider.answer(address))
    assert (sent_on.status_code, "set-cookie" in sent_on.headers) == (303, False)
    assert is_signed_in(traveller.browser.open(sent_on.headers["location"]))
    for form in ({}, {"state": "x" * 200}, {"code": "x"}):
        assert without_cookies.post(CALLBACK, data=form).status_code == 400
    assert without_cookies.post(CALLBACK, content=b"\xff", headers={"Content-Type": "text/plain"}).status_code == 400


@pytest.mark.parametrize(
    "reply",
    [
        (200, {}),
        (200, {"issuer": "https://another.example.com"}),
        (200, b"<html>"),
        (503, {}),
        (200, b" " * 70_000),
    ],
    ids=["empty", "another issuer's", "no JSON", "down", "too large"],
)
def test_a_provider_that_is_down_is_told_at_once(
    sqlite_service: Service, provider: LyingProvider, reply: tuple[int, Any]
) -> None:
    sqlite_service.upstreams.metadata.forget()
    register(sqlite_service, provider)
    provider.replies = {METADATA: reply}
    browser = Browser(sqlite_service).open("/signin")
    for _ in range(3):
        browser.press("upstream-form", "continue-with-elsewhere")
        assert (browser.last.status_code, NOT_NOW in browser.page.text) == (403, True)
    assert provider.requests == [METADATA], "a button that is pressed again and again asks no more"
    provider.replies = {}
    sqlite_service.clock.advance(seconds=6)
    assert is_signed_in(Traveller(browser, provider).sign_in(""))


def test_a_provider_in_a_network_that_is_not_listed_is_not_asked(sqlite_service: Service) -> None:
    with lying_provider() as other:
        other.issuer = other.issuer.replace("127.0.0.1", "127.0.0.2")
        register(sqlite_service, other)
        browser = Browser(sqlite_service).open("/signin").press("upstream-form", "continue-with-elsewhere")
        assert NOT_NOW in browser.page.text
        assert other.requests == []


def test_a_network_that_begins_without_end_is_held(sqlite_service: Service, traveller: Traveller) -> None:
    action, fields = traveller.browser.open("/signin").fields("upstream-form")
    button = {**fields, "upstream": "elsewhere"}
    begun = [traveller.browser.client.post(action, data=button) for _ in range(101)]
    assert [each.status_code for each in begun] == [303] * 100 + [429]
    assert int(begun[-1].headers["Retry-After"]) > 0
    neighbour = Traveller.of(sqlite_service, traveller.provider)
    assert neighbour.leave().startswith(traveller.provider.issuer)


def test_forged_buttons_of_other_sites_do_nothing(sqlite_service: Service, traveller: Traveller) -> None:
    traveller.browser.open("/signin")
    action, fields = traveller.browser.fields("upstream-form")
    other = traveller.browser.client.post(action, data={**fields, "upstream": "elsewhere"}, headers={"Origin": "null"})
    assert other.status_code == 403
    assert sqlite_service.rows("SELECT * FROM upstream_starts") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": ["s"], "code": ["c"]}, ("s", "c")),
        ({"state": ["s", "t"], "code": ["c"]}, ("", "")),
        ({"state": ["s"], "code": ["c", "c"]}, ("", "")),
        ({"state": ["s"], "code": ["c" * 5000]}, ("", "")),
        ({}, ("", "")),
    ],
)
def test_a_repeated_or_endless_parameter_makes_no_answer(
    query: dict[str, list[str]], expected: tuple[str, str]
) -> None:
    answer = read_answer(query)
    assert (answer.state, answer.code) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"email": ["x"]}, Person("i", "1")),
        ({"email": "x" * 300}, Person("i", "1")),
        ({"email": "a\0@example.com"}, Person("i", "1")),
        ({"email": "a\ud800@example.com"}, Person("i", "1")),
        ({"email_verified": True}, Person("i", "1")),
        ({"name": "A\u202eB", "given_name": "Ann", "family_name": "Lee"}, Person("i", "1", name="Ann Lee")),
        ({"name": "\u200b"}, Person("i", "1")),
        ({"picture": "http://x.test/a"}, Person("i", "1")),
        ({"picture": "data:x"}, Person("i", "1")),
        ({"picture": "https://[x"}, Person("i", "1")),
        ({"auth_time": True}, Person("i", "1")),
        ({"auth_time": 7}, Person("i", "1", auth_time=7)),
        ({"auth_time": 7.5}, Person("i", "1", auth_time=7.5)),
        ({"auth_time": math.nan}, Person("i", "1")),
        ({"auth_time": math.inf}, Person("i", "1")),
    ],
)
def test_what_a_provider_says_about_a_person_is_not_taken_as_it_is(claims: dict[str, Any], expected: Person) -> None:
    assert read_person("i", {"sub": "1", **claims}) == expected


@pytest.mark.parametrize("sub", [None, "", 1, ["1"], "x" * 256, "a\nb"])
def test_a_person_needs_a_subject(sub: object) -> None:
    with pytest.raises(BadAnswer):
        read_person("i", {"sub": sub})


GOOD: dict[str, Any] = {"id": "corp", "name": "Corp", "issuer": "https://id.example.com/a", "client_id": "us"}


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Corp"},
        {"id": "credential"},
        {"id": "x" * 33},
        {"name": "\u200b"},
        {"name": "x" * 65},
        {"issuer": "id.example.com"},
        {"issuer": "https://id.example.com?x"},
        {"issuer": "https://u@id.example.com"},
        {"issuer": "https://id.example.com:x"},
        {"issuer": f"{ISSUER}/"},
        {"client_id": "a b"},
        {"client_id": ""},
        {"scope": "profile"},
        {"scope": 'openid "'},
        {"scope": "openid  profile"},
        {"trusted": "yes"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"response_mode": "fragment"},
        {"client_secret": "x"},
    ],
    ids=str,
)
def test_a_registration_that_cannot_work_is_refused_by_its_member(change: dict[str, Any]) -> None:
    assert Upstream.parse(GOOD, issuer=ISSUER).members().items() >= GOOD.items()
    with pytest.raises(InvalidUpstream, match=f"^{next(iter(change))}: "):
        Upstream.parse({**GOOD, **change}, issuer=ISSUER)


def endpoints(scheme: str = "https") -> dict[str, str]:
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    return {"issuer": "https://id.example.com", **{name: f"{scheme}://id.example.com/{name}" for name in names}}


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://id.example.com/"},
        {"token_endpoint": None},
        {"token_endpoint": "http://id.example.com/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://u@id.example.com/"},
        {"jwks_uri": ["https://id.example.com/"]},
        {"jwks_uri": "https:///jwks"},
        {"jwks_uri": "https://id.example.com:99999/jwks"},
        {"userinfo_endpoint": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_metadata_are_the_providers_own_and_https(change: dict[str, Any]) -> None:
    """OpenID Connect Discovery 1.0 §4.3."""
    assert parse_metadata(endpoints(), "https://id.example.com").sends_iss is False
    with pytest.raises(ValueError, match=r"\w"):
        parse_metadata(json.loads(json.dumps({**endpoints(), **change})), "https://id.example.com")
