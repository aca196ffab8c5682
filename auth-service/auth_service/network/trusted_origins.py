"""The origins that may act for a signed-in person, and the URLs that a response may redirect to.

An origin is `scheme://host[:port]`, compared as a string after parsing. Patterns follow the Better Auth protocol: `*`
matches any number of characters and `?` matches one; neither matches a `/`. A pattern without a scheme is compared with
the host and port only.
"""

import re
from collections.abc import Callable, Sequence
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9.-]+|\[[0-9a-f:.]+\]")
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029]")
_UNSAFE_ENCODED = re.compile(r"%2f|%5c|%0|%1|%7f", re.IGNORECASE)
# Checked before `urlsplit`, which normalizes other characters of a host: that takes the square of their number.
_AUTHORITY = re.compile(r"[A-Za-z]{1,8}://[\x21\x22\x24-\x2e\x30-\x3e\x40-\x7e]{1,300}(?:[/?#]|\Z)")


def parse_origin(url: str) -> str | None:
    """The origin of an absolute http(s) URL, in lower case and without a default port; None for anything else."""
    if _UNSAFE_IN_URL.search(url) or not _AUTHORITY.match(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), _host(parts)
    if scheme not in _DEFAULT_PORTS or host is None or "@" in parts.netloc:
        return None
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"


def _host(parts: SplitResult) -> str | None:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if _HOST.fullmatch(host) else None


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a parsed origin is the one of the pattern, or matches it.

    Raises:
        ValueError: the pattern would match nothing or everything.
    """
    if not set("*?") & set(pattern):
        only = parse_origin(pattern)
        if only is None or pattern.rstrip("/").count("/") != 2:
            raise ValueError(f"{pattern!r} is not an origin such as https://app.example.com")
        return lambda origin: origin == only
    scheme, separator, host = pattern.rpartition("://")
    if not re.search(r"[A-Za-z0-9]", host) or "/" in host or (separator and scheme not in _DEFAULT_PORTS):
        raise ValueError(f"{pattern!r} is not a pattern such as https://*.example.com")
    matches = re.compile(re.escape(pattern.lower()).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")).fullmatch
    if separator:
        return lambda origin: matches(origin) is not None
    return lambda origin: matches(origin.partition("://")[2]) is not None


class TrustedOrigins:
    def __init__(self, issuer: str, patterns: Sequence[str], resources: Sequence[str] = ()) -> None:
        """
        Args:
            resources: `PATTERN=URI` each: pages of this pattern's origins may ask for tokens for this API.

        Raises:
            ValueError: for a pattern that would match nothing or everything, or stands in `resources` only.
        """
        self._issuer = issuer
        # Those that need not be parsed, as most requests have one of them. A pattern with wildcards is not an origin.
        self._exact = {each for each in (issuer, *patterns) if parse_origin(each) == each}
        self._tests = [compile_pattern(pattern) for pattern in patterns]
        self._resources = [_parse_resource(each, patterns) for each in resources]

    def trusts(self, origin: str) -> bool:
        """Whether the value of an `Origin` header is trusted."""
        if origin in self._exact:
            return True
        parsed = parse_origin(origin)
        return parsed is not None and (parsed == self._issuer or any(test(parsed) for test in self._tests))

    def may_ask_for(self, origin: str, resource: str) -> bool:
        """Whether a page of this origin may ask for a token for the API, if it is not the default one."""
        parsed = parse_origin(origin)
        if parsed is None or parsed == self._issuer:
            return parsed is not None
        return any(uri == resource and test(parsed) for test, uri in self._resources)

    def allows_redirect_to(self, url: str) -> bool:
        """Whether a response may redirect to the URL: a path on this origin, or an absolute URL on a trusted one.

        Refused are spellings that a browser might read as another host: `//host`, `/\\host`, encoded slashes, controls.
        """
        if _UNSAFE_IN_URL.search(url):
            return False
        if not url.startswith("/"):
            return self.trusts(url)
        path = re.split(r"[?#]", url, maxsplit=1)[0]
        return "//" not in path and not _UNSAFE_ENCODED.search(path)


def _parse_resource(text: str, patterns: Sequence[str]) -> tuple[Callable[[str], bool], str]:
    pattern, _, uri = text.partition("=")
    if not uri:
        raise ValueError(f"{text!r} is not ORIGIN=RESOURCE, such as https://app.example.com=https://api.example.com")
    if pattern not in patterns:
        raise ValueError(f"{text!r}: {pattern!r} is not among the trusted origins")
    return compile_pattern(pattern), uri
