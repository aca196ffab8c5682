"""Redirection endpoints as clients register them (RFC 6749 §3.1.2, RFC 8252 §7.1 and §7.3)."""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from .errors import InvalidRedirectUri

MAX_LENGTH = 2048
LOOPBACK = ("localhost", "127.0.0.1", "::1")

# The characters of a URI (RFC 3986). Browsers disagree on others: some read a backslash as a slash, or cut at a space.
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # lower case; another character could end a CSP directive
_AMBIGUOUS_PATH = re.compile(r"(^|/)(\.|%2e){1,2}(/|$)|%2f|%5c|%00|%(?![0-9a-f]{2})", re.IGNORECASE)


# The port is optional: a native application chooses one each time it starts (RFC 8252 §7.3).
_LOOPBACK_URI = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(?::(0|[1-9][0-9]{0,4}))?(?![^/?])(.*)")


# A scheme of a native application is a domain name that its maker controls, reversed (RFC 8252 §7.1). So it has a dot.
_PRIVATE_USE = re.compile(r"(?P<scheme>[a-z][a-z0-9-]*(\.[a-z0-9-]+)+):(?P<path>/.*)")


def check_redirect_uri(uri: str, *, allows_private_use: bool = False) -> None:
    """Check that codes may be sent to the URI: absolute, https (or http on loopback), and unambiguous.

    Args:
        allows_private_use: also com.example.app:/callback, which the system opens in a native application.

    Raises:
        InvalidRedirectUri
    """
    if len(uri) > MAX_LENGTH or not _URI.fullmatch(uri):
        raise InvalidRedirectUri(f"A redirect_uri is longer than {MAX_LENGTH} characters, or not a URI.")
    if "#" in uri:
        raise InvalidRedirectUri("A redirect_uri must not have a fragment.")
    if is_private_use(uri):
        _check_private_use(uri, allows_private_use)
        return
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise InvalidRedirectUri("A redirect_uri has no valid host or port.") from None
    if not host or not _HOST.fullmatch(host) or "@" in parts.netloc:
        raise InvalidRedirectUri("A redirect_uri must have a valid host name or IP address, and no user.")
    if not uri.startswith("https://") and not is_loopback(uri):
        raise InvalidRedirectUri(
            "A redirect_uri must be https, or http on a loopback address, or for a native application a scheme like "
            "com.example.app:/callback."
        )
    if _AMBIGUOUS_PATH.search(parts.path):
        raise InvalidRedirectUri("A redirect_uri's path must not have dot segments or encoded slashes.")


def _check_private_use(uri: str, allows_private_use: bool) -> None:
    if not allows_private_use:
        raise InvalidRedirectUri(
            "A scheme of a native application is only for redirect_uris of a public client "
            "(token_endpoint_auth_method none)."
        )
    if _AMBIGUOUS_PATH.search(uri.partition("?")[0]):
        raise InvalidRedirectUri("A redirect_uri's path must not have dot segments or encoded slashes.")


def is_private_use(uri: str) -> bool:
    """Whether the URI's scheme belongs to a native application. Any application on the device may claim it, too."""
    return _PRIVATE_USE.fullmatch(uri) is not None


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Whether a request's redirect_uri equals a registered one, character by character (RFC 9700 §4.1.3).

    Only the port of a loopback URI may differ. This applies to `localhost`, too.
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
    """Whether the URI leads to the browser's own machine, where any local program may be listening."""
    return _without_port(uri) is not None


def origin_of(uri: str) -> str:
    """The origin of a registered redirect_uri, in the spelling that browsers compare."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.lower()}"
