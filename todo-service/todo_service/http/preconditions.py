"""Conditional requests: the version that a client expects or already has (RFC 9110 §13, RFC 6585 §3)."""

import re
from collections.abc import Collection

from fastapi import Request

from . import problems
from .problems import Problem

_ETAG = re.compile(r'"([1-9]\d{0,8})"', re.ASCII)
_HANDLING = re.compile(r"handling\s*=\s*(?:\"strict\"|strict)\s*(?:;.*)?", re.IGNORECASE)


async def get_versions(request: Request) -> Collection[int] | None:
    """The versions in If-Match (RFC 9110 §13.1.1); None means any.

    Weak tags, unknown tags and what is no list of tags match no version. An empty If-Match is such a condition, too:
    without it the client would overwrite a version that it meant to exclude.

    Raises:
        Problem: 428, if the client asked for strict handling (RFC 7240 §4.4) but sent no If-Match.
    """
    given = request.headers.getlist("If-Match")
    if not given:
        if is_strict(request):
            raise Problem(
                problems.PRECONDITION_REQUIRED, "The request asks for strict handling, so it must have an If-Match."
            )
        return None
    return parse_versions(",".join(given))


def parse_versions(if_match: str) -> Collection[int] | None:
    if if_match.strip() == "*":
        return None
    tags = (_ETAG.fullmatch(tag.strip()) for tag in if_match.split(","))
    return [int(tag[1]) for tag in tags if tag]


def is_strict(request: Request) -> bool:
    preferences = ",".join(request.headers.getlist("Prefer")).split(",")
    return any(_HANDLING.fullmatch(preference.strip()) for preference in preferences)


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names `etag`, so the client already has it (RFC 9110 §13.1.2: weak comparison)."""
    given = request.headers.get("If-None-Match")
    if given is None:
        return False
    tags = ",".join(request.headers.getlist("If-None-Match")).split(",")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in tags)
