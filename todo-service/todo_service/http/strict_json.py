"""A JSON parser for untrusted text, as strict as I-JSON (RFC 7493). It uses the standard library only.

`json.loads` accepts duplicate names, NaN, Infinity, 1e400, lone surrogates (which no database stores) and any depth of
nesting. Here each of these raises ValueError.
"""

import json
import math
from itertools import accumulate
from typing import NoReturn

_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_MARKS = bytes(set(range(256)) - set(b"[{,"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class TooManyValues(ValueError):
    """The text has more members and elements than the caller accepts."""


def parse(text: bytes, *, max_depth: int, max_values: int | None = None) -> object:
    """Return the value, or raise ValueError with a text that does not quote the input.

    `max_values` bounds the members of all objects and the elements of all arrays together. A text with too many of them
    is refused in less than a millisecond for 256 KiB.
    """
    if max_values is not None and _has_too_many_quotes(text, max_values):
        raise TooManyValues(f"more than {max_values} members and elements")
    # With few brackets, also counting those in strings, the text is not too deep: most texts are read once only.
    if max_values is not None or text.count(b"[") + text.count(b"{") > max_depth:
        outside = _outside_strings(text)
        if _is_deeper(outside, max_depth, max_values):
            raise ValueError("too deeply nested")
        if max_values is not None and len(outside.translate(None, _NOT_MARKS)) > max_values:
            raise TooManyValues(f"more than {max_values} members and elements")
    try:
        value = _DECODER.decode(text.decode())
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails on a lone surrogate, wherever it stands
    except UnicodeError:
        raise ValueError("not Unicode text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    return value


def _without_escapes(text: bytes) -> bytes:
    """The text without escaped backslashes and quotes, so that each quote that is left begins or ends a string.

    Outside of strings a backslash is an error, at which the decoder stops.
    """
    return text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text


def _has_too_many_quotes(text: bytes, max_values: int) -> bool:
    """Whether there are more strings than `max_values` values can have: each has at most a name and a string.

    This comes first, because to find what is outside of strings takes half a microsecond for each of them.
    """
    most = 4 * max_values + 2  # 2 of a text that is only a string
    return text.count(b'"') > most and _without_escapes(text).count(b'"') > most


def _outside_strings(text: bytes) -> bytes:
    """The text without its strings. One that does not end goes to the end of the text."""
    return b"".join(_without_escapes(text).split(b'"')[::2])


def _is_deeper(outside: bytes, max_depth: int, max_values: int | None) -> bool:
    """Whether arrays and objects nest deeper than `max_depth`. It counts brackets up to the first one that does.

    A bracket opens for each value at most. So no more of them are looked at than `max_values` values can have.
    """
    brackets = outside.translate(None, _NOT_BRACKETS)
    seen = brackets if max_values is None else brackets[: 2 * (max_values + 1)]
    return any(depth > max_depth for depth in accumulate(map(_STEP.__getitem__, seen)))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return members


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_refuse)
