"""Scope: a set of tokens, written with single spaces between them (RFC 6749 §3.3)."""

import re

from .errors import InvalidScope

OPENID, PROFILE, EMAIL, OFFLINE_ACCESS = "openid", "profile", "email", "offline_access"
TODOS = ("todos:read", "todos:write")
IDENTITY = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)  # about a person, so not available in client_credentials
SUPPORTED = (*IDENTITY, *TODOS)
MAX_LENGTH = 1024
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


def parse(scope: str) -> tuple[str, ...]:
    """The scope tokens, each once, in the order of SUPPORTED.

    Raises:
        InvalidScope: the scope is malformed, or one of its tokens is unknown.
    """
    if len(scope) > MAX_LENGTH or not _SCOPE.fullmatch(scope):
        raise InvalidScope("The scope is malformed.")
    asked = set(scope.split(" "))
    if not asked <= set(SUPPORTED):
        raise InvalidScope("The scope holds an unknown value.")
    return tuple(token for token in SUPPORTED if token in asked)


def narrow(granted: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """The requested part of the granted scope; all of it if `asked` is None.

    Raises:
        InvalidScope: the request is wider. Nothing is dropped silently: the client would notice only at the API.
    """
    if asked is None:
        return granted
    scopes = parse(asked)
    if not set(scopes) <= set(granted):
        raise InvalidScope("The scope is wider than what this client or grant may have.")
    return scopes


def parse_known(scope: str) -> tuple[str, ...]:
    """The supported scope tokens; unknown ones are ignored (OpenID Connect Core §3.1.2.1).

    Raises:
        InvalidScope: the scope is malformed.
    """
    if len(scope) > MAX_LENGTH or not _SCOPE.fullmatch(scope):
        raise InvalidScope("The scope is malformed.")
    asked = set(scope.split(" "))
    return tuple(token for token in SUPPORTED if token in asked)
