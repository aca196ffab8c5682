"""Problems as pages, for people who open an address in their browser. They look like auth-service's pages.

A page has nothing of the request but its id, whose alphabet needs no escaping in HTML.
"""

import hashlib
import re
from base64 import b64encode
from pathlib import Path
from string import Template

_TEXT = (Path(__file__).parent / "error_page.html").read_text(encoding="utf-8")
_TEMPLATE = Template(_TEXT)
_STYLE = re.search(r"<style>(.*?)</style>", _TEXT, re.DOTALL)
_STYLE_HASH = b64encode(hashlib.sha256((_STYLE[1] if _STYLE else "").encode()).digest()).decode()
_AGAIN = '<a class="button primary" id="again" href="">Try again</a>\n'
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
}


def describe(status: int, request_id: str) -> str:
    """The page for a status."""
    if status in (404, 410):
        title, text = "There is no such page", "Perhaps the link is old, or was copied incompletely."
    elif status >= 500:
        title, text = "This does not work at the moment", "Please try again in a moment."
    elif status == 429:
        title, text = "Please wait a moment", "There were too many requests. Please try again in a moment."
    else:
        title, text = "This page cannot be opened", "This address is for programs. Please begin at the start page."
    again = _AGAIN if status >= 500 or status == 429 else ""
    return _TEMPLATE.substitute(title=title, text=text, again=again, status=status, request_id=request_id)
