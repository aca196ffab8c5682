"""Where a person goes after a sign-in that no application asked for, and a sign-in before an important change.

A page that needs a recent sign-in sends its person to /signin and gets them back from there, however they sign in.
"""

from collections.abc import Mapping

from fastapi import Request, Response

from ...http.pages import see_other
from .forms import query_of

TO_ACCOUNT = "to_account"  # query parameter: go on to the page of this name, or to the form of this name at /account
CONFIRM = "confirm"  # query parameter of /signin: ask a person who is signed in, too
SECOND_FACTOR = "second-factor"
PAGES: Mapping[str, str] = {SECOND_FACTOR: "/second-factor-setup"}


def kept_of(request: Request) -> dict[str, str]:
    """The query parameters that go on from page to page until the person is signed in."""
    shown = {name: query_of(request, name) for name in (TO_ACCOUNT, CONFIRM)}
    return {name: value for name, value in shown.items() if value is not None}


def go_to(name: str) -> Response:
    return see_other(PAGES[name]) if name in PAGES else see_other("/account", change=name)


def confirm_first(name: str) -> Response:
    """To /signin, and from there back to the page or the form of this name."""
    return see_other("/signin", **{TO_ACCOUNT: name, CONFIRM: "yes"})
