"""Redirection endpoints as clients register them (RFC 6749 §3.1.2, RFC 8252 §7.3)."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from .errors import InvalidRedirectUri

MAX_LENGTH = 2048
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# What RFC 3986 allows in a URI; a backslash or a space is read as a slash or cut off by one browser or another.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # in lower case; others are no names, and could end a CSP directive
_AMBIGUOUS_PATH = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)|%2f|%5c|%00|%(?![0-9a-f]{2})", re.IGNORECASE)


# With a port of its own, which is drawn when a native application starts (RFC 8252 §7.3).
_LOOPBACK_URI = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(?::(0|[1-9][0-9]{0,4}))?(?![^/?])(.*)")


def check_redirect_uri(uri: str) -> None:
    """Whether codes may be sent there: absolute, https (or http to this very machine), and meaning one place only.

    Raises:
        InvalidRedirectUri
    """
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        raise InvalidRedirectUri("A redirect_uri is too long, or not a URI.")
    if "#" in uri:
        raise InvalidRedirectUri("A redirect_uri has no fragment.")
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidRedirectUri("A redirect_uri names no host.") from None
    if not host or not _HOST.fullmatch(host) or "@" in parts.netloc:
        raise InvalidRedirectUri("A redirect_uri names a host, and no user.")
    if not uri.startswith("https://") and not _is_loopback(parts, uri):
        raise InvalidRedirectUri("A redirect_uri is https, or http on a loopback address.")
    if _AMBIGUOUS_PATH.search(parts.path):
        raise InvalidRedirectUri("A redirect_uri's path has no dot segments and no encoded slashes.")


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Whether a request's redirect_uri is one of the registered ones, character by character (RFC 9700 §4.1.3).

    Only the port of a loopback address may be another one; the rule names `localhost`, too.
    """
    if uri in registered:
        return True
    asked = _without_port(uri)
    return asked is not None and asked in map(_without_port, registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    match = _LOOPBACK_URI.fullmatch(uri)
    if match is None or not 0 < int(match[2] or 80) < 2**16:
        return None
    return match[1], match[3]


def is_loopback(uri: str) -> bool:
    """Whether it leads to the very machine that the browser runs on: to whatever program listens there."""
    return _without_port(uri) is not None


def origin_of(uri: str) -> str:
    """The origin of a registered redirect_uri, as a browser compares it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _is_loopback(parts: SplitResult, uri: str) -> bool:
    return uri.startswith("http://") and parts.hostname in LOOPBACK
