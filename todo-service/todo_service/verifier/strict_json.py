"""JSON as I-JSON (RFC 7493) has it, from people who may mean harm; standard library only.

`json.loads` alone lets the last of two equal names win, takes NaN, Infinity and 1e400, hands out lone surrogates that
no database stores, and recurses as deep as the text says. Here each of these is a ValueError.
"""

import json
import math
import re
from itertools import accumulate
from typing import NoReturn

# The closing quote is optional so that an unterminated string is one match, not one attempt per quote in it.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def parse(text: bytes, *, max_depth: int) -> object:
    """Return the value, or raise ValueError with a sentence that repeats nothing of the text."""
    if _is_deeper(text, max_depth):
        raise ValueError("too deeply nested")
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
    """Whether arrays and objects nest deeper than `max_depth`, found without parsing, in one pass over the brackets."""
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth


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
