"""I-JSON (RFC 7493): no duplicate names, no NaN, no lone surrogates; the number of brackets is bounded, too."""

import json
import math
from typing import Any, NoReturn

_NOT_MARKS = bytes(set(range(256)) - set(b"[{,"))
MAX_NESTING = 64  # opening brackets in the whole text: more than key sets and assertions have


def parse_object(text: bytes, *, max_brackets: int = MAX_NESTING) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError, also for JSON that is not an object; the message quotes no input."""
    if text.count(b"[") + text.count(b"{") > max_brackets:
        raise ValueError("too many brackets")
    try:
        value = _DECODER.decode(text.decode())
        json.dumps(value, ensure_ascii=False).encode()  # fails on a lone surrogate
    except UnicodeError:
        raise ValueError("not Unicode text") from None
    except json.JSONDecodeError:
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - it is about the text, like the other errors here
    return value


def has_more_values(text: bytes, most: int) -> bool:
    """Whether there are more than `most` members and elements. They are counted in one pass, without parsing.

    A bracket or a comma stands before each of them. The bracket of an empty array or object counts as one more. Quotes
    are counted first, because finding the strings takes half a microsecond for each: a value has a name and a string.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= most:
        return False
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")  # each quote that is left begins or ends a string
    if unescaped.count(b'"') > 4 * most + 2:
        return True
    outside = b"".join(unescaped.split(b'"')[::2])
    return len(outside.translate(None, _NOT_MARKS)) > most


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
