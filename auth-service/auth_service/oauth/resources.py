"""Resource indicators (RFC 8707): which audience an access token is for."""

from collections.abc import Sequence

from .errors import InvalidTarget


def todo_api(issuer: str) -> str:
    return f"{issuer}/api/v1"


def protected_resources(issuer: str) -> tuple[str, ...]:
    """The resource servers of this issuer (RFC 9728 §4)."""
    return (todo_api(issuer),)


def known_resources(issuer: str) -> tuple[str, ...]:
    """Every audience that tokens are issued for: the issuer's own endpoints are one, too."""
    return (issuer, *protected_resources(issuer))


def choose(asked: Sequence[str], *, default: str | None, issuer: str) -> str:
    """The one audience of a token.

    Raises:
        InvalidTarget: an unknown resource, or more than one: a token for two would let each use it at the other.
    """
    distinct = set(asked)
    if len(distinct) > 1:
        raise InvalidTarget("One token is for one resource.")
    resource = next(iter(distinct), default or issuer)
    if resource not in known_resources(issuer):
        raise InvalidTarget("The resource is unknown.")
    return resource
