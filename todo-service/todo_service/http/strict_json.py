"""A JSON parser for untrusted text, as strict as I-JSON (RFC 7493). It uses the standard library only.

`json.loads` accepts duplicate names, NaN, Infinity, 1e400, lone surrogates (which no database stores) and any depth of
nesting. Here each of these raises ValueError.
"""

import json
import math
import re
from itertools import accumulate
from typing import NoReturn

# The closing quote is optional: an unterminated string is then one match, instead of one attempt per character.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_NOT_MARKS = bytes(set(range(256)) - set(b"[{,"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class TooManyValues(ValueError):
    """The text has more members and elements than the caller accepts."""


def parse(text: bytes, *, max_depth: int, max_values: int | None = None) -> object:
    """Return the value, or raise ValueError with a text that does not quote the input.

    `max_values` bounds the members of all objects and the elements of all arrays together.
    """
    if _is_deeper(text, max_depth):
        raise ValueError("too deeply nested")
    if max_values is not None and _has_more_values(text, max_values):
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


def _is_deeper(text: bytes, max_depth: int) -> bool:
    """Whether arrays and objects nest deeper than `max_depth`. It counts brackets in one pass, without parsing."""
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth


def _has_more_values(text: bytes, most: int) -> bool:
    """Whether there are more than `most` members and elements. Like the depth, they are counted without parsing.

    A bracket or a comma stands before each of them. The bracket of an empty array or object counts as one more.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= most:
        return False
    marks = _STRING.sub(b"", text).translate(None, _NOT_MARKS)
    return len(marks) > most


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
