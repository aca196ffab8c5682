"""One Status List Token: accepted and refused forms (draft-ietf-oauth-status-list)."""

import time

import pytest

from atjwt import status_list
from atjwt.algorithms import VerificationKey
from atjwt.status_list import Freshness, StatusList, UnknownStatusKey, UnusableStatusList
from todo_fixtures.broken_lists import LIST, NOW, REFUSED, document, status_list_of
from todo_fixtures.issuer import private_key
from todo_fixtures.status_lists import SIGNER, URI, statuses, unpack

KEYS = {SIGNER: VerificationKey(private_key(SIGNER).public_key())}

# Appendix C, "1-bit Status List": a million entries.
VECTOR = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAA"
    "KjDMAQAAAACAZC8L2AEb"
)
VECTOR_SET = (0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345)


def verify(text: str, *, now: float = NOW) -> StatusList:
    return status_list.verify(text, uri=LIST, keys=KEYS, now=now)


def test_the_drafts_example_is_read_least_significant_bit_first() -> None:
    """§4.1: 0xB9 0xA3, compressed as in §4.2."""
    parsed = verify(document(status_list={"bits": 1, "lst": "eNrbuRgAAhcBXQ"}))
    assert [int(parsed.is_set(index)) for index in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    for outside in (16, 17, 2**20, -1):
        with pytest.raises(IndexError):
            parsed.is_set(outside)


def test_the_drafts_vector_of_a_million_entries() -> None:
    """Appendix C."""
    parsed = verify(document(status_list={"bits": 1, "lst": VECTOR}))
    assert unpack(VECTOR) == statuses(VECTOR_SET, 2**20) == parsed.statuses
    assert [index for index in range(2**20) if parsed.is_set(index)] == list(VECTOR_SET)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_status_list_is_refused(name: str) -> None:
    with pytest.raises(UnusableStatusList) as refused:
        verify(REFUSED[name]())
    assert not isinstance(refused.value, UnknownStatusKey)


def test_a_key_for_something_else_is_unknown() -> None:
    """The error is the same as for an unpublished key: the two kinds of keys are in separate tables (key_set.py)."""
    for signer in ("first", "thief"):
        with pytest.raises(UnknownStatusKey) as refused:
            verify(document(signer=signer))
        assert refused.value.kid == signer


def test_a_bomb_is_not_unfolded() -> None:
    """Inflated it would be 100 MB. Inflating stops one octet above the maximum."""
    text = REFUSED["bomb"]()
    begun = time.thread_time()
    with pytest.raises(UnusableStatusList, match="too large"):
        verify(text)
    assert time.thread_time() - begun < 1  # it takes milliseconds; inflating everything takes longer


def test_clocks_may_be_a_minute_apart() -> None:
    assert verify(document(iat=NOW + 30, exp=NOW + 330))
    assert verify(document(iat=NOW - 330, exp=NOW - 30))


def test_a_kept_list_may_have_expired() -> None:
    """After a restart during an outage the saved list is used, although it has expired; its age is judged."""
    text = document(iat=NOW - 3600, exp=NOW - 3300)
    kept = status_list.restore(text, uri=LIST, keys=KEYS, now=NOW)
    assert kept.freshness(NOW, token_ttl=7200) is Freshness.LAGGING
    with pytest.raises(UnusableStatusList):
        verify(text)


@pytest.mark.parametrize(
    ("age", "token_ttl", "freshness"),
    [
        (0, 300, Freshness.LIVE),
        (-30, 300, Freshness.LIVE),
        (120, 300, Freshness.LIVE),
        (121, 300, Freshness.LAGGING),
        (300, 300, Freshness.LAGGING),
        (301, 300, Freshness.STALE),
        (3600, 7200, Freshness.LAGGING),
        (61, 60, Freshness.STALE),
    ],
)
def test_freshness_is_the_signed_age_beside_the_tokens_life(age: int, token_ttl: int, freshness: Freshness) -> None:
    assert verify(document(iat=NOW)).freshness(NOW + age, token_ttl=token_ttl) is freshness


def test_a_list_from_the_future_is_stale() -> None:
    """A clock that was set back knows no list's age. A minute is leeway, as when a list arrives."""
    held = verify(document(iat=NOW))
    assert held.freshness(NOW - 60, token_ttl=300) is Freshness.LIVE
    assert held.freshness(NOW - 61, token_ttl=300) is Freshness.STALE


def test_a_set_bit_stays_set() -> None:
    """A node of the issuer that lags behind must not make a revoked token valid again."""
    held, fetched = verify(document(revoked=[3, 5])), verify(document(revoked=[5, 9]))
    assert fetched.succeeding(held).statuses == statuses([3, 5, 9])
    newer = verify(document(revoked=[3, 5, 9]))
    assert newer.succeeding(held) is newer
    shorter = verify(document(status_list=status_list_of(statuses([1], 8))))
    assert shorter.succeeding(held).statuses == statuses([1, 3, 5])


AGGREGATION = b'{"status_lists": ["https://issuer.example.com/oauth/status-lists/1"]}'
UNUSABLE_AGGREGATIONS = {
    "empty": b"",
    "not-json": b"<html>",
    "a-list": b"[]",
    "no-member": b"{}",
    "no-lists": b'{"status_lists": []}',
    "a-string": b'{"status_lists": "x"}',
    "numbers": b'{"status_lists": [1]}',
    "elsewhere": AGGREGATION.replace(b"issuer.", b"evil."),
    "beside": AGGREGATION.replace(b"lists/1", b"lists-of-others/1"),
    "below": AGGREGATION.replace(b"lists/1", b"lists/1/2"),
    "dots": AGGREGATION.replace(b"lists/1", b"lists/.."),
    "query": AGGREGATION.replace(b"lists/1", b"lists/1?v=2"),
    "line-break": AGGREGATION.replace(b"lists/1", b"lists/1\\n"),
    "the-prefix": AGGREGATION.replace(b"lists/1", b"lists/"),
    "too-many": AGGREGATION.replace(b"]", b', "https://issuer.example.com/oauth/status-lists/1"' * 64 + b"]"),
    "too-large": AGGREGATION + b" " * 16_384,
}


@pytest.mark.parametrize("name", UNUSABLE_AGGREGATIONS)
def test_an_unusable_aggregation_is_refused(name: str) -> None:
    with pytest.raises(UnusableStatusList):
        status_list.parse_aggregation(UNUSABLE_AGGREGATIONS[name], prefix=f"{URI}/")


def test_the_aggregation_lists_uris() -> None:
    """§9.3."""
    assert status_list.parse_aggregation(AGGREGATION, prefix=f"{URI}/") == (LIST,)
