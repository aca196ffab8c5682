"""Cookies of a request: which of several values of a name is ours, and deleting all of a name.

A browser sends all cookies of a name: those of this host, and those that another application has set for a parent
domain, or on another port. So a value counts only if its signature is ours. Of two values of ours that differ, none
counts, because we cannot tell which of them the person means: one may be an attacker's own.
"""

import ipaddress
from collections.abc import Callable, Iterable

from fastapi import Request

from .outgoing import outgoing_of
from .pages import PageRefused

MAX_DOMAINS, MAX_PATHS = 3, 2  # that a deletion covers; each pair is a header of some hundred octets


class ConflictingCookies(PageRefused):
    """The request has two values of one cookie that are both ours. All that we can delete is deleted."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "Your browser sent two sign-ins at once",
            "Another address of this site has set a second cookie, so it is not clear who you are. We have told your "
            "browser to delete both. Load this page again, and sign in. If you then see this text again, delete the "
            "cookies of this site in your browser's settings.",
            reason=f"two values of the cookie {name}",
        )


def cookie_values(request: Request, name: str) -> list[str]:
    """The values of a cookie, without quotes. A request may carry several of one name (RFC 6265 §4.2.2)."""
    values = []
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                values.append(value.removeprefix('"').removesuffix('"'))
    return values


def find_ours(values: Iterable[str], find_value: Callable[[str], str | None]) -> set[str]:
    """What the values that we have signed say. `find_value` checks a signature."""
    return {found for value in set(values) if (found := find_value(value)) is not None}


def delete_everywhere(request: Request, name: str, host: str, attributes: str) -> None:
    """Delete the cookie for this host and its parent domains, at the request's path and above it.

    A page cannot know for which of them a cookie was set. A browser ignores what it does not have.
    """
    labels = request.url.path.split("/")[1:]
    above = ["/" + "/".join(labels[:count]) for count in range(1, len(labels) + 1) if labels[0]]
    above = above[:MAX_PATHS]
    paths = ["/", *above, *(f"{path}/" for path in above)]  # to a browser /oauth and /oauth/ are two cookies
    cookies = outgoing_of(request).cookies
    for path in paths:
        for domain in ("", *_domains(host)):
            scope = f"; Domain={domain}" if domain else ""
            key = name if not domain and path == "/" else f"{name} {domain} {path}"  # `name`: a new value replaces it
            deletion = f"{name}=; Max-Age=0{scope}{attributes.replace('Path=/', f'Path={path}')}"
            cookies.setdefault(key, deletion)


def _domains(host: str) -> list[str]:
    """The host and its parents of at least two labels. An IP address or a single name takes no Domain."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        labels = host.split(".")
        return [".".join(labels[index:]) for index in range(len(labels) - 1)][:MAX_DOMAINS]
    return []
