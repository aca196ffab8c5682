"""Usable and unusable keys, and the copy on disk (rules J2, J8 to J10, J15 of VERIFIER.md)."""

import logging
import stat
from pathlib import Path
from typing import Any

import pytest

from atjwt import key_set
from atjwt.key_set import KeySet, UnusableKeySet
from todo_fixtures.issuer import jwk, private_key
from todo_fixtures.key_sets import UNUSABLE, USABLE, document

URI = "https://issuer.example.com/.well-known/jwks.json"


@pytest.mark.parametrize("name", USABLE)
def test_usable_keys_are_taken(name: str) -> None:
    """J10."""
    keys = key_set.parse_keys(document(USABLE[name])).access_tokens
    assert list(keys) == [USABLE[name]["kid"]]
    assert keys[USABLE[name]["kid"]].key.public_numbers() == private_key("second").public_key().public_numbers()


def test_keys_for_status_lists_are_apart() -> None:
    """A key with the member `signs` verifies status lists only; a key without it verifies none."""
    keys = key_set.parse_keys(document(jwk("first"), jwk("second", signs="statuslist+jwt"), jwk("third", signs="x")))
    assert (list(keys.access_tokens), list(keys.status_lists)) == (["first"], ["second"])
    twice = key_set.parse_keys(document(jwk("first"), jwk("second", kid="first", signs="statuslist+jwt")))
    assert (list(twice.access_tokens), list(twice.status_lists)) == (["first"], [])
    with pytest.raises(UnusableKeySet):
        key_set.parse_keys(document(jwk("second", signs="statuslist+jwt")))


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_keys_are_skipped_and_the_others_stay(name: str) -> None:
    """J9, J10."""
    assert list(key_set.parse_keys(document(UNUSABLE[name], jwk("first"), UNUSABLE[name])).access_tokens) == ["first"]


def test_private_members_raise_an_alarm_that_does_not_repeat_them(caplog: pytest.LogCaptureFixture) -> None:
    """J9."""
    key_set.parse_keys(document(jwk("second", d="c2VjcmV0"), jwk("first")))
    assert [record.levelno for record in caplog.records if record.levelno >= logging.ERROR] == [logging.ERROR]
    assert "c2VjcmV0" not in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="html"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"keys":{}}', id="keys-object"),
        pytest.param(b'{"keys":[]}', id="no-keys"),
        pytest.param(document(*UNUSABLE.values()), id="no-usable-keys"),
        pytest.param(document(*[jwk("first", kid=str(kid)) for kid in range(33)]), id="33-keys"),
        pytest.param(document(*[{}] * 1000), id="1000-keys"),
        pytest.param(document(jwk("first")) + b" " * 65_536, id="more-than-64-KiB"),
        pytest.param(b'{"keys":' + b"[" * 5000, id="deep"),
        pytest.param(b'{"keys":[],' + document(jwk("first"))[1:], id="keys-twice"),
    ],
)
def test_a_set_without_use_is_refused_as_a_whole(text: bytes) -> None:
    """J8."""
    with pytest.raises(UnusableKeySet):
        key_set.parse_keys(text)


def test_32_keys_are_a_set() -> None:
    """J8."""
    assert len(key_set.parse_keys(document(*[jwk("first", kid=str(kid)) for kid in range(32)])).access_tokens) == 32


def test_the_first_of_two_keys_with_one_kid_counts() -> None:
    keys = key_set.parse_keys(document(jwk("first"), jwk("second", kid="first"))).access_tokens
    assert keys["first"].key.public_numbers() == private_key("first").public_key().public_numbers()


def test_keys_cannot_be_changed() -> None:
    """J15: a key set is immutable."""
    keys: Any = key_set.parse_keys(document(jwk("first"))).access_tokens
    with pytest.raises(TypeError):
        keys["thief"] = private_key("thief").public_key()


def made(fetched_at: float = 1000.0) -> KeySet:
    text = document(jwk("first"))
    return KeySet(key_set.parse_keys(text), text, '"tag"', fetched_at)


def test_the_copy_on_disk_comes_back_and_is_ours_alone(tmp_path: Path) -> None:
    """J2."""
    path = tmp_path / "jwks.json"
    path.write_text("older, and for everybody")
    path.chmod(0o644)
    key_set.save(made(), path, jwks_uri=URI)
    loaded = key_set.load(path, jwks_uri=URI, now=1000.0 + 86_400, max_stale=86_400)
    assert (loaded.document, loaded.etag, loaded.fetched_at) == (made().document, '"tag"', 1000.0)
    assert list(loaded.keys) == ["first"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("now", "uri"),
    [
        pytest.param(1000.0 + 86_401, URI, id="too-old"),
        pytest.param(1000.0 - 61, URI, id="from-the-future"),
        pytest.param(1000.0, "https://other.example.com/jwks.json", id="of-another-issuer"),
    ],
)
def test_a_copy_that_proves_nothing_is_not_used(tmp_path: Path, now: float, uri: str) -> None:
    """J2."""
    key_set.save(made(), tmp_path / "jwks.json", jwks_uri=URI)
    with pytest.raises(ValueError, match=r"."):
        key_set.load(tmp_path / "jwks.json", jwks_uri=uri, now=now, max_stale=86_400)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"jwks_uri":1}'], ids=range(6))
def test_a_damaged_copy_is_not_used(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "jwks.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        key_set.load(tmp_path / "jwks.json", jwks_uri=URI, now=1000.0, max_stale=86_400)


def test_a_failed_write_leaves_the_old_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "jwks.json"
    key_set.save(made(), path, jwks_uri=URI)

    def refuse(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="no space"):
        key_set.save(made(2000.0), path, jwks_uri=URI)
    assert key_set.load(path, jwks_uri=URI, now=1000.0, max_stale=1).fetched_at == 1000.0
    assert list(tmp_path.iterdir()) == [path]
