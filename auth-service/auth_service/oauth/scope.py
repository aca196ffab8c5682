"""Scope: a set of tokens, written with single spaces between them (RFC 6749 §3.3)."""

import re
from collections.abc import Sequence

from .errors import InvalidScope

OPENID, PROFILE, EMAIL, OFFLINE_ACCESS = "openid", "profile", "email", "offline_access"
ROLES, GROUPS = "roles", "groups"
ADDRESS, PHONE = "address", "phone"
DEFAULT = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)  # of a client that registers no scope
# about a person, so not available in client_credentials; no API may claim them
IDENTITY = (*DEFAULT, ROLES, GROUPS, ADDRESS, PHONE)
MAX_LENGTH = 1024
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


def is_token(text: str) -> bool:
    """Whether the text is one scope token."""
    return " " not in text and _SCOPE.fullmatch(text) is not None


def parse(scope: str, supported: Sequence[str]) -> tuple[str, ...]:
    """The scope tokens, each once, in the order of `supported`.

    Raises:
        InvalidScope: the scope is malformed, or one of its tokens is unknown.
    """
    asked = _split(scope)
    if not asked <= set(supported):
        raise InvalidScope("The scope holds an unknown value.")
    return tuple(token for token in supported if token in asked)


def narrow(granted: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """The requested part of the granted scope; all of it if `asked` is None.

    Raises:
        InvalidScope: the request is wider. Nothing is dropped silently: the client would notice only at the API.
    """
    if asked is None:
        return granted
    wanted = _split(asked)
    if not wanted <= set(granted):
        known = " ".join(granted) or "nothing"
        raise InvalidScope(f"The scope is wider than what this client or grant may have: {known}.")
    return tuple(token for token in granted if token in wanted)


def parse_known(scope: str, supported: Sequence[str]) -> tuple[str, ...]:
    """The supported scope tokens; unknown ones are ignored (OpenID Connect Core §3.1.2.1).

    Raises:
        InvalidScope: the scope is malformed.
    """
    asked = _split(scope)
    return tuple(token for token in supported if token in asked)


def _split(scope: str) -> set[str]:
    if len(scope) > MAX_LENGTH or not _SCOPE.fullmatch(scope):
        raise InvalidScope("The scope is malformed.")
    return set(scope.split(" "))
