"""The cache of verified tokens: what it may contain, and for how long."""

from typing import Any

import pytest

from atjwt import access_token
from atjwt.access_token import Terms
from atjwt.algorithms import VerificationKey
from atjwt.refusals import InvalidToken, UnknownKey
from atjwt.verified_tokens import VerifiedTokens
from todo_fixtures.forgeries import FORGERIES
from todo_fixtures.issuer import AUDIENCE, ISSUER, private_key, token

KEYS = {"first": VerificationKey(private_key("first").public_key())}
TERMS = Terms(issuer=ISSUER, audience=AUDIENCE)
NOW = 1_000_000.0


@pytest.fixture
def verifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were really verified, and not taken from the cache."""
    seen: list[str] = []
    verify = access_token.verify

    def spy(text: str, **more: Any) -> access_token.AccessToken:
        seen.append(text)
        return verify(text, **more)

    monkeypatch.setattr(access_token, "verify", spy)
    return seen


def fresh(**changes: Any) -> str:
    return token(**{"iat": int(NOW), "exp": int(NOW) + 300, **changes})


def test_a_token_seen_before_is_not_verified_again(verifications: list[str]) -> None:
    tokens, text = VerifiedTokens(TERMS), fresh()
    first = tokens.verify(text, keys=KEYS, now=NOW)
    assert tokens.verify(text, keys=KEYS, now=NOW + 9.9) is first
    assert len(verifications) == 1


def test_an_entry_lives_ten_seconds(verifications: list[str]) -> None:
    tokens, text = VerifiedTokens(TERMS), fresh()
    tokens.verify(text, keys=KEYS, now=NOW)
    tokens.verify(text, keys=KEYS, now=NOW + 10)
    assert len(verifications) == 2


def test_an_entry_is_not_used_after_the_clock_was_set_back(verifications: list[str]) -> None:
    """Before that entry's time the token may not be valid yet."""
    tokens, text = VerifiedTokens(TERMS), fresh()
    tokens.verify(text, keys=KEYS, now=NOW)
    with pytest.raises(InvalidToken):
        tokens.verify(text, keys=KEYS, now=NOW - 3600)
    assert len(verifications) == 2


def test_an_entry_does_not_outlive_the_token(verifications: list[str]) -> None:
    tokens, text = VerifiedTokens(TERMS), fresh(exp=int(NOW) + 5)
    tokens.verify(text, keys=KEYS, now=NOW)
    tokens.verify(text, keys=KEYS, now=NOW + 5)  # valid only because of the leeway
    tokens.verify(text, keys=KEYS, now=NOW + 5)
    assert len(verifications) == 3
    with pytest.raises(InvalidToken):
        tokens.verify(text, keys=KEYS, now=NOW + 65)


def test_an_entry_dies_with_its_key_set() -> None:
    """Rule J11 of VERIFIER.md: after the key set is replaced, a withdrawn key's tokens are refused, cached or not."""
    tokens, text = VerifiedTokens(TERMS), fresh()
    tokens.verify(text, keys=KEYS, now=NOW)
    with pytest.raises(UnknownKey):
        tokens.verify(text, keys={"second": VerificationKey(private_key("second").public_key())}, now=NOW + 1)


def test_refusals_are_not_remembered() -> None:
    tokens = VerifiedTokens(TERMS)
    for make in FORGERIES.values():
        with pytest.raises(InvalidToken):
            tokens.verify(make(), keys=KEYS, now=NOW)
    assert len(tokens) == 0


def test_a_changed_token_is_another_token() -> None:
    tokens, text = VerifiedTokens(TERMS), fresh()
    tokens.verify(text, keys=KEYS, now=NOW)
    for changed in (text + "=", text[:-1], text + " ", text.replace(".", "..", 1)):
        with pytest.raises(InvalidToken):
            tokens.verify(changed, keys=KEYS, now=NOW)


def test_the_number_of_entries_is_capped_and_the_oldest_goes(verifications: list[str]) -> None:
    tokens = VerifiedTokens(TERMS, capacity=2)
    texts = [fresh(sub=sub) for sub in ("alice", "bob", "carol")]
    for text in texts:
        tokens.verify(text, keys=KEYS, now=NOW)
    assert len(tokens) == 2
    tokens.verify(texts[2], keys=KEYS, now=NOW)
    tokens.verify(texts[1], keys=KEYS, now=NOW)
    assert len(verifications) == 3
    tokens.verify(texts[0], keys=KEYS, now=NOW)
    assert len(verifications) == 4


def test_keys_of_entries_differ_between_processes() -> None:
    """Someone who knows a token cannot compute its key in the cache."""
    first, second, text = VerifiedTokens(TERMS), VerifiedTokens(TERMS), fresh()
    for tokens in (first, second):
        tokens.verify(text, keys=KEYS, now=NOW)
    assert first._entries.keys() != second._entries.keys()
