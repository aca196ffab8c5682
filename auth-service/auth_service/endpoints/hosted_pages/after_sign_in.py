"""Where a person goes after a sign-in: back to the application that they came from, or to a form of their account.

An authorization request is named by its handle, which counts in its own browser only. Any other application names its
page in `callbackURL`, which has to be on a trusted origin. Both go along from page to page, and in mailed links.

A page that needs a recent sign-in sends its person to /signin and gets them back from there, however they sign in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request, Response

from ...http.pages import AUTHORIZE, HANDLE, see_other
from ...http.parts import Given
from ...http.pending_requests import PendingRequest
from ...network.trusted_origins import TrustedOrigins
from .forms import CALLBACK, query_of

TO_ACCOUNT = "to_account"  # query parameter: go on to the page of this name, or to the form of this name at /account
CONFIRM = "confirm"  # query parameter of /signin: ask a person who is signed in, too
GOES_ON_TO = "goes_on_to"  # the same as `callbackURL` in a mailed link, where that may be an application's own form
SECOND_FACTOR = "second-factor"
PAGES: Mapping[str, str] = {SECOND_FACTOR: "/second-factor-setup"}


@dataclass(frozen=True)
class WayBackParts(Given):
    trusted_origins: TrustedOrigins


def callback_of(request: Request, parts: WayBackParts, name: str = CALLBACK) -> str:
    """The application's page that the person came from; "": there is none, or it is on no trusted origin."""
    callback = query_of(request, name) or ""
    return callback if parts.trusted_origins.allows_redirect_to(callback) else ""


def kept_of(request: Request, parts: WayBackParts) -> dict[str, str]:
    """The query parameters that go on from page to page until the person is signed in."""
    shown = {name: query_of(request, name) for name in (TO_ACCOUNT, CONFIRM)}
    shown[CALLBACK] = callback_of(request, parts)
    return {name: value for name, value in shown.items() if value}


def query_back(pending: PendingRequest | None, callback: str) -> dict[str, str]:
    """The query parameters of a page about the request that waits, or for the person of that application."""
    return {HANDLE: pending.handle} if pending else {CALLBACK: callback} if callback else {}


def way_left(pending: PendingRequest | None, callback: str) -> dict[str, str]:
    """As `query_back`, but without a request that was answered meanwhile."""
    return query_back(None if pending is None or pending.is_answered else pending, callback)


def address_of(way: Mapping[str, str]) -> str:
    """The URL to which these parameters lead on: /authorize for a request that waits, otherwise /signin."""
    return f"{AUTHORIZE if HANDLE in way else '/signin'}?{urlencode(way)}" if way else "/signin"


def facts_of_way(pending: PendingRequest | None, callback: str) -> dict[str, str]:
    """The way back as facts of a mail. A request that belongs to no browser is left out: any could continue it."""
    handle = "" if pending is None or pending.is_unbound else pending.handle
    return {"handle": handle, GOES_ON_TO: callback}


def go_back(request: Request, parts: WayBackParts) -> Response:
    """Without a request that waits: to the form of the account, to the application, or to our page."""
    to_account = query_of(request, TO_ACCOUNT)
    return see_other(callback_of(request, parts) or "/signin") if to_account is None else go_to(to_account)


def go_to(name: str) -> Response:
    return see_other(PAGES[name]) if name in PAGES else see_other("/account", change=name)


def confirm_first(name: str) -> Response:
    """To /signin, and from there back to the page or the form of this name."""
    return see_other("/signin", **{TO_ACCOUNT: name, CONFIRM: "yes"})
