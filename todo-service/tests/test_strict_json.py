"""strict_json accepts only I-JSON (RFC 7493), and no input exhausts the process."""

import time

import pytest

from atjwt import strict_json


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"])
def test_depth_is_counted_exactly(depth: int, opening: bytes, closing: bytes) -> None:
    inner = b"1" if opening != b"[" else b""
    strict_json.parse(opening * depth + inner + closing * depth, max_depth=depth)
    with pytest.raises(ValueError, match="deeply"):
        strict_json.parse(opening * (depth + 1) + inner + closing * (depth + 1), max_depth=depth)


def test_brackets_beside_each_other_and_in_strings_are_not_depth() -> None:
    strict_json.parse(b"[" + b"[]," * 50 + b"[]]", max_depth=2)
    strict_json.parse(b'["' + b'\\"[{' * 50 + b'"]', max_depth=1)


@pytest.mark.parametrize(
    "text", [b"[1,2,3,4]", b'{"a":1,"b":2,"c":3,"d":4}', b'{"a":[1,{"b":2}]}', rb'["a,b","[{","\\",","]', b"[1,[2,3]]"]
)
def test_members_and_elements_are_counted_exactly(text: bytes) -> None:
    strict_json.parse(text, max_depth=8, max_values=4)
    with pytest.raises(strict_json.TooManyValues):
        strict_json.parse(text, max_depth=8, max_values=3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b'{"a":1,"a":1}', id="name-twice"),
        pytest.param(b'{"a":1,"\\u0061":1}', id="name-twice-escaped"),
        pytest.param(b'[{"b":{"a":1,"a":2}}]', id="name-twice-inside"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[Infinity]", id="Infinity"),
        pytest.param(b"-Infinity", id="minus-Infinity"),
        pytest.param(b"1e400", id="1e400"),
        pytest.param(b"9" * 5000, id="5000-digits"),
        pytest.param(b'"\\ud800"', id="surrogate"),
        pytest.param(b'{"\\udc00x":1}', id="surrogate-in-name"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate-in-utf-8"),
        pytest.param(b'"\xff"', id="not-utf-8"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b'"\n"', id="control-character"),
        pytest.param(b"{}{}", id="two-values"),
        pytest.param(b"[" * 100_000, id="100000-deep"),
    ],
)
def test_other_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        strict_json.parse(text, max_depth=8)


def test_quotes_are_counted_before_strings_are_looked_for() -> None:
    """The strings of 256 KiB take 0.1 s to find. Escaped quotes are none, and four belong to each value at most."""
    names = b",".join(b'"%d":"\\"\\\\"' % number for number in range(4))
    strict_json.parse(b"{" + names + b"}", max_depth=1, max_values=4)
    strict_json.parse(b'"' + b'\\"' * 1_000 + b'"', max_depth=1, max_values=1)
    for text in (b'["' + b'","' * 80_000 + b'"]', b'"' * 200_000, b'["a"' + b'"b"' * 1_000):
        with pytest.raises(strict_json.TooManyValues):
            strict_json.parse(text, max_depth=1, max_values=4)


def test_brackets_are_looked_at_until_they_are_too_deep() -> None:
    """Of a text with a bound on its values, no more of them than it may have."""
    with pytest.raises(ValueError, match="deeply"):
        strict_json.parse(b"[" * 130_000 + b"]" * 130_000, max_depth=32, max_values=100)
    with pytest.raises(strict_json.TooManyValues):
        strict_json.parse(b"[" + b"[]," * 80_000 + b"[" * 100, max_depth=32, max_values=100)


@pytest.mark.parametrize(
    "text",
    [b'{"' + b'\\"' * 100_000, b"[]" * 100_000, b"[{" * 100_000, b'["\\'],
    ids=["quotes", "pairs", "deep", "cut"],
)
def test_malice_takes_linear_time(text: bytes) -> None:
    begun = time.thread_time()
    with pytest.raises(ValueError, match=r"."):
        strict_json.parse(text[:260_000], max_depth=32)
    assert time.thread_time() - begun < 1
