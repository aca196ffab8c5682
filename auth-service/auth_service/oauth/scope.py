"""Scope: a list of tokens separated by single spaces, without order (RFC 6749 §3.3)."""

import re

from .errors import InvalidScope

OPENID, PROFILE, EMAIL, OFFLINE_ACCESS = "openid", "profile", "email", "offline_access"
TODOS = ("todos:read", "todos:write")
IDENTITY = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)  # about a person, so never for a service itself
SUPPORTED = (*IDENTITY, *TODOS)
MAX_LENGTH = 1024
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")


def parse(scope: str) -> tuple[str, ...]:
    """The scope tokens, each once, in the order of SUPPORTED.

    Raises:
        InvalidScope: malformed, or one of them is unknown here.
    """
    if len(scope) > MAX_LENGTH or not _SCOPE.fullmatch(scope):
        raise InvalidScope("The scope is malformed.")
    asked = set(scope.split(" "))
    if not asked <= set(SUPPORTED):
        raise InvalidScope("The scope is unknown.")
    return tuple(token for token in SUPPORTED if token in asked)


def narrow(granted: tuple[str, ...], asked: str | None) -> tuple[str, ...]:
    """What is asked for out of what may be had; everything when nothing is asked for.

    Raises:
        InvalidScope: more is asked for. Nothing is silently left out: the caller would find out only at the API.
    """
    if asked is None:
        return granted
    scopes = parse(asked)
    if not set(scopes) <= set(granted):
        raise InvalidScope("More is asked for than may be had.")
    return scopes


def parse_known(scope: str) -> tuple[str, ...]:
    """The scope tokens that exist here; the others are passed over (OpenID Connect Core §3.1.2.1).

    Raises:
        InvalidScope: malformed.
    """
    if len(scope) > MAX_LENGTH or not _SCOPE.fullmatch(scope):
        raise InvalidScope("The scope is malformed.")
    asked = set(scope.split(" "))
    return tuple(token for token in SUPPORTED if token in asked)
