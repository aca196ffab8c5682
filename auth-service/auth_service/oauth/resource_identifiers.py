"""Identifiers of APIs (RFC 8707 §2): which URI may name one, and which two are too alike."""

import re
from urllib.parse import SplitResult, urlsplit

from .redirect_uri import LOOPBACK

MAX_LENGTH = 1024
_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%#]+")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_AMBIGUOUS_PATH = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)|//|%2f|%5c|%00|%(?![0-9a-f]{2})", re.IGNORECASE)
# Another spelling of the same URI: an encoded letter, digit, `-`, `.`, `_` or `~`, or hex digits in lower case.
_NEEDLESSLY_ENCODED = re.compile(r"%(3[0-9]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9A]|2D|2E|5F|7E|.?[a-f])")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class InvalidResource(Exception):
    """The reason why an API cannot be registered. It begins with the member that has to change."""


def check_identifier(uri: object, *, issuer: str) -> str:
    """The identifier, if it may name an API: an absolute URI in its one usual spelling.

    http is for loopback addresses only, and for the issuer's own origin. Verifiers compare `aud` character by
    character, so another spelling of the same address would be another API.

    Raises:
        InvalidResource
    """
    if not isinstance(uri, str) or not uri:
        raise InvalidResource("resource: an absolute URI is required.")
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        raise InvalidResource(f"resource: longer than {MAX_LENGTH} characters, or not a URI.")
    if "#" in uri:
        raise InvalidResource("resource: must not have a fragment (RFC 8707 §2).")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise InvalidResource("resource: has no valid host or port.") from None
    if "@" in parts.netloc:
        raise InvalidResource("resource: must not have a user or password.")
    _check_origin(uri, parts, port, issuer)
    if _AMBIGUOUS_PATH.search(parts.path):
        raise InvalidResource("resource: the path must not have dot segments, double or encoded slashes.")
    if _NEEDLESSLY_ENCODED.search(uri):
        raise InvalidResource("resource: encode only what needs it, with hex digits in capitals (RFC 3986 §6.2.2).")
    if uri.rstrip("/?") == issuer:
        raise InvalidResource("resource: this is the issuer itself; an API needs an address of its own.")
    return uri


def _check_origin(uri: str, parts: SplitResult, port: int | None, issuer: str) -> None:
    if not uri.startswith(("https://", "http://")) or not parts.hostname:
        raise InvalidResource("resource: must be an absolute https URI, or http on a loopback address.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not uri.startswith(f"{issuer}/"):
        raise InvalidResource("resource: must be https; http is for loopback addresses only.")
    if port == _DEFAULT_PORTS[parts.scheme]:
        raise InvalidResource(f"resource: leave out the port {port}, the default of {parts.scheme}.")
    host = _host(parts)
    if not _HOST.fullmatch(host) or parts.netloc != (host if port is None else f"{host}:{port}"):
        raise InvalidResource("resource: the host must be a name in lower case or an IP address, with at most a port.")


def check_apart(uri: str, other: str) -> None:
    """Refuse an identifier that people or careless code could take for another one.

    On loopback addresses the port alone may tell two APIs apart, because there it is all that programs choose.

    Raises:
        InvalidResource
    """
    if uri == other:
        raise InvalidResource("resource: is registered already.")
    if uri.lower() == other.lower():
        raise InvalidResource(f"resource: differs from {other} only in case.")
    if uri.rstrip("/") == other.rstrip("/"):
        raise InvalidResource(f"resource: differs from {other} only in a slash at its end.")
    if _without_port(uri) == _without_port(other):
        raise InvalidResource(f"resource: differs from {other} only in its port.")
    if _folded(uri) == _folded(other):
        raise InvalidResource(f"resource: differs from {other} only in case, slash or port.")
    if other.lower().startswith(uri.lower()):
        raise InvalidResource(f"resource: {other} begins with it; a careless verifier would take one for the other.")
    if uri.lower().startswith(other.lower()):
        raise InvalidResource(f"resource: begins with {other}; a careless verifier would take one for the other.")


def _folded(uri: str) -> str:
    return _without_port(uri.lower()).rstrip("/")


def _without_port(uri: str) -> str:
    parts = urlsplit(uri)
    return uri if parts.hostname in LOOPBACK else parts._replace(netloc=_host(parts)).geturl()


def _host(parts: SplitResult) -> str:
    """The host as it is written, without user and port; an IPv6 address has its brackets."""
    netloc = parts.netloc.rpartition("@")[2]
    return re.sub(r":[0-9]*$", "", netloc)
