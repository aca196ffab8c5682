"""Whether a request is a person's browser that opens an address: it gets errors as a page, and a program as JSON."""

import re

from starlette.requests import Request

_JSON = ("application/json", "application/problem+json")
_RANGE = re.compile(r"([^;,\s]+)\s*(?:;[^,]*?\bq=([^;,\s]*))?[^,]*(?:,|$)", re.IGNORECASE)
_JAVAS = "*"  # no media range; Java's HttpURLConnection sends it, with text/html, if its program asks for nothing


def is_navigation(request: Request) -> bool:
    """Browsers say it in Sec-Fetch-Mode (Fetch Metadata). Older ones do not, but prefer text/html."""
    mode = request.headers.get("sec-fetch-mode")
    if mode is not None:
        return mode == "navigate"
    wanted = _weights(",".join(request.headers.getlist("accept")))
    page = wanted.get("text/html", 0)
    return page > max(wanted.get(each, 0) for each in _JSON) and page >= wanted.get("*/*", 0) and _JAVAS not in wanted


def _weights(accept: str) -> dict[str, float]:
    """The weight of each media range (RFC 9110 §12.5.1)."""
    return {name.lower(): _weight(weight) for name, weight in _RANGE.findall(accept)}


def _weight(text: str) -> float:
    if not text:
        return 1
    return float(text) if re.fullmatch(r"[01]?(\.[0-9]{0,3})?", text, re.ASCII) and text != "." else 0
