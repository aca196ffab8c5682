"""Resource indicators (RFC 8707): which audience an access token is for."""

from collections.abc import Sequence

from .errors import InvalidTarget


def todo_api(issuer: str) -> str:
    return f"{issuer}/api/v1"


def protected_resources(issuer: str) -> tuple[str, ...]:
    """The resource servers of this issuer (RFC 9728 §4)."""
    return (todo_api(issuer),)


def known_resources(issuer: str) -> tuple[str, ...]:
    """Every audience that tokens are issued for: the issuer's own endpoints, and the resource servers."""
    return (issuer, *protected_resources(issuer))


def choose(asked: Sequence[str], *, default: str | None, issuer: str) -> str:
    """The one audience of a token; without a request, `default`, or else the issuer.

    Raises:
        InvalidTarget: the resource is unknown, or there is more than one. With a token for two resource servers, each
            could use it at the other.
    """
    distinct = set(asked)
    if len(distinct) > 1:
        raise InvalidTarget("Only one resource may be requested.")
    resource = next(iter(distinct), default or issuer)
    if resource not in known_resources(issuer):
        raise InvalidTarget("The resource is unknown.")
    return resource
