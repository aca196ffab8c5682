"""`verify()` refuses what the rules R8 to R16 of VERIFIER.md name, and does no I/O."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from atjwt import access_token, strict_json
from atjwt.access_token import AccessToken, Terms
from atjwt.algorithms import VerificationKey
from atjwt.refusals import InvalidToken, UnknownKey
from todo_fixtures import issuer
from todo_fixtures.forgeries import FORGERIES
from todo_fixtures.issuer import AUDIENCE, ISSUER, claims, header, private_key, sign, status, token

KEYS = {"first": VerificationKey(private_key("first").public_key())}
TERMS = Terms(issuer=ISSUER, audience=AUDIENCE, status_lists=f"{ISSUER}/oauth/status-lists/")


def verify(text: str, now: float | None = None) -> AccessToken:
    return access_token.verify(text, keys=KEYS, terms=TERMS, now=time.time() if now is None else now)


def test_a_genuine_token_says_who_and_what() -> None:
    verified = verify(token(sub="alice", client_id="web", jti="1", scope="todos:read openid"))
    assert (verified.sub, verified.client_id, verified.jti) == ("alice", "web", "1")
    assert verified.scope == {"todos:read", "openid"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: token(headers={"typ": "AT+JWT"}), id="R8-upper-case"),
        pytest.param(lambda: token(headers={"typ": "application/at+jwt"}), id="R8-media-type"),
        pytest.param(lambda: token(aud=[AUDIENCE, "https://other.example.com"]), id="R12-list"),
        pytest.param(
            lambda: token(headers={"jku": "https://evil.example.com", "jwk": {}}), id="R10-key-headers-ignored"
        ),
        pytest.param(lambda: token(scope=None), id="R14-no-scope"),
        pytest.param(lambda: token(nbf=int(time.time())), id="R13-nbf"),
        pytest.param(lambda: token(exp=time.time() + 0.5), id="R13-fraction"),
        pytest.param(lambda: token(status=status(1), amr=["pwd"]), id="more-claims"),
        pytest.param(lambda: token(sub="x" * 255), id="R14-longest"),
        pytest.param(lambda: token(note="[[[[{{{{ not brackets ]"), id="R15-brackets-in-strings"),
    ],
)
def test_what_the_standard_allows_is_accepted(text: Any) -> None:
    verify(text())


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_tokens_open_nothing(name: str) -> None:
    """`verify()` raises InvalidToken, and nothing else, for every forged token."""
    with pytest.raises(InvalidToken):
        verify(FORGERIES[name]())


def test_refusals_repeat_nothing_of_the_token() -> None:
    for make in FORGERIES.values():
        with pytest.raises(InvalidToken) as caught:
            verify(make())
        assert str(caught.value).isascii()
        assert not set('"\\') & set(str(caught.value))
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("seconds", "valid"), [pytest.param(359.9, True, id="within-leeway"), pytest.param(360, False, id="beyond")]
)
def test_exp_has_a_leeway_of_60_seconds(seconds: float, valid: bool) -> None:
    """R13."""
    text = token(iat=1_000_000, exp=1_000_300)
    if valid:
        verify(text, now=1_000_000 + seconds)
    else:
        with pytest.raises(InvalidToken, match="expired"):
            verify(text, now=1_000_000 + seconds)


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_iat_and_nbf_have_a_leeway_of_60_seconds(name: str) -> None:
    """R13."""
    times: dict[str, Any] = {"iat": 1_000_000, "exp": 1_000_300, name: 1_000_000}
    text = token(**times)
    verify(text, now=1_000_000 - 60)
    with pytest.raises(InvalidToken, match="not valid yet"):
        verify(text, now=1_000_000 - 60.1)


def test_the_longest_life_is_policy() -> None:
    """R13."""
    text = token(iat=1_000_000, exp=1_000_000 + 86_400)
    verify(text, now=1_000_000)
    with pytest.raises(InvalidToken, match="too long"):
        verify(token(iat=1_000_000, exp=1_000_000 + 86_401), now=1_000_000)


def test_an_unknown_key_is_named_only_when_the_rest_of_the_header_is_right() -> None:
    """R9: a wrong algorithm is refused before the key is looked up."""
    with pytest.raises(UnknownKey) as caught:
        verify(token(headers={"kid": "new"}))
    assert caught.value.kid == "new"
    for headers in ({"alg": "none"}, {"typ": "JWT"}, {"crit": ["x"]}):
        with pytest.raises(InvalidToken) as refused:
            verify(token(headers={"kid": "new", **headers}))
        assert not isinstance(refused.value, UnknownKey)


@pytest.mark.parametrize("kid", ["", "k" * 129, 1, True, ["new"], {"new": 1}])
def test_what_cannot_be_a_kid_is_not_worth_asking_the_issuer_for(kid: Any) -> None:
    """R10."""
    with pytest.raises(InvalidToken) as refused:
        verify(token(headers={"kid": kid}))
    assert not isinstance(refused.value, UnknownKey)
    with pytest.raises(UnknownKey):
        verify(token(headers={"kid": "k" * 128}))


def test_nothing_of_an_unsigned_payload_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forged token costs at most a short header and a signature check."""
    parsed: list[bytes] = []
    parse = strict_json.parse

    def spy(text: bytes, *, max_depth: int) -> object:
        parsed.append(text)
        return parse(text, max_depth=max_depth)

    monkeypatch.setattr(strict_json, "parse", spy)
    forged = sign(json.dumps(header()).encode(), json.dumps(claims()).encode(), private_key("thief"))
    with pytest.raises(InvalidToken, match="signature"):
        verify(forged)
    assert len(parsed) <= 1  # the header, unless it is remembered


def test_verifying_opens_no_socket_and_no_file() -> None:
    texts = [token(), *(make() for make in FORGERIES.values())]
    with auditing_of_this_thread() as events:
        verify(texts[0])
        for text in texts[1:]:
            with pytest.raises(InvalidToken):
                verify(text)
    assert [event for event in events if event == "open" or event.startswith(("socket.", "os."))] == []


@contextmanager
def auditing_of_this_thread() -> Iterator[list[str]]:
    """The audit events of this thread alone: the tests' issuer opens sockets in another thread of this process."""
    events: list[str] = []
    mine = threading.get_ident()
    listening = True

    def note(event: str, _: object) -> None:
        if listening and threading.get_ident() == mine:
            events.append(event)

    sys.addaudithook(note)  # for as long as the process lives
    try:
        yield events
    finally:
        listening = False


def test_forged_tokens_are_refused_in_bounded_time() -> None:
    """R15. A valid token takes 50 µs; no forged one may take a hundred times as long."""
    for name, make in FORGERIES.items():
        text = make()
        best = float("inf")
        for _ in range(10):
            begun = time.thread_time()
            with pytest.raises(InvalidToken):
                verify(text)
            best = min(best, time.thread_time() - begun)
        assert best < 0.005, name


def test_a_token_of_another_issuer_with_the_same_kid_is_refused() -> None:
    """R11: a key verifies only tokens of the issuer that publishes it."""
    with pytest.raises(InvalidToken, match="signature"):
        verify(issuer.sign(json.dumps(header()).encode(), json.dumps(claims()).encode(), private_key("other")))
