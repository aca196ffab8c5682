"""Exception handlers: each exception becomes a response in the format of the endpoint that raised it."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from ..accounts import passwords
from ..accounts.factors.totp_factors import UnreadableSecret
from ..accounts.passwords import TooBusy
from ..endpoints.better_auth.refusals import Refusal, TooManyRequests
from ..endpoints.better_auth.routes import PREFIX
from ..http.bearer_tokens import BearerRefusal
from ..http.head_requests import with_head
from ..http.navigation import is_navigation
from ..http.oauth_requests import render_oauth_error
from ..http.pages import ACCOUNT_LINK, Link, PageRefused, render_page, render_refused
from ..limits.attempts import TooManyAttempts
from ..oauth.errors import OAuthError
from ..sessions.proofs import SecondFactorMissing
from .routes import PAGE_PATHS, ROUTES

_AGAIN = Link("again", "", "Try again")  # an empty address is the one that was opened
_START = Link("start", "/", "Go to the start page")
_log = structlog.get_logger(__name__)
E = TypeVar("E", bound=Exception)


def add_exception_handlers(app: FastAPI) -> None:
    _answer(app, Refusal, _render_refusal)
    _answer(app, TooManyAttempts, _render_too_many_attempts)
    _answer(app, TooBusy, _render_too_busy)
    _answer(app, SecondFactorMissing, _render_second_factor_missing)
    _answer(app, PageRefused, render_refused)
    _answer(app, OAuthError, render_oauth_error)
    _answer(app, BearerRefusal, _render_bearer_refusal)
    _answer(app, HTTPException, _render_http_exception)
    _answer(app, ClientDisconnect, _render_half_a_request)
    # IntegrityError: the client or account of a row was deleted a moment ago. A second try gets the proper refusal.
    # UnreadableSecret: an authenticator app's key-encryption key is missing. Recovery codes still work.
    for store_error in (OperationalError, PoolTimeoutError, IntegrityError, UnreadableSecret):
        _answer(app, store_error, _render_unavailable)


def _answer(app: FastAPI, kind: type[E], render: Callable[[Request, E], Response]) -> None:
    """Render exceptions of a kind on the event loop. Starlette would run a handler that is no coroutine in a thread."""

    async def answer(request: Request, error: E) -> Response:
        return render(request, error)

    app.exception_handler(kind)(answer)


def _render_refusal(request: Request, refusal: Refusal) -> Response:
    _log.info("refused", code=refusal.code, reason=refusal.reason)
    return refusal.render()


def _render_bearer_refusal(request: Request, refusal: BearerRefusal) -> Response:
    _log.info("refused", status=refusal.status, reason=refusal.reason)
    return refusal.render()


def _render_too_many_attempts(request: Request, held: TooManyAttempts) -> Response:
    return _render_refusal(request, TooManyRequests(held.retry_after, reason="too many attempts"))


def _render_too_busy(request: Request, error: TooBusy) -> Response:
    return _render_refusal(request, TooManyRequests(passwords.RETRY_AFTER, reason="the hashing queue is full"))


def _render_second_factor_missing(request: Request, error: SecondFactorMissing) -> Response:
    """A way of signing in that cannot ask for a second factor, and an account that has one."""
    if request.scope["path"] in PAGE_PATHS:
        text = "Your account has a second factor. Sign in with your password: then you are asked for it."
        return render_refused(request, PageRefused("This is not enough to sign in", text, status=403))
    return _render_refusal(request, Refusal(403, "TWO_FACTOR_REQUIRED", "Sign in with the password and a code"))


def _render_http_exception(request: Request, error: HTTPException) -> Response:
    """The router's own 404 and 405, and 400 for an address that no route gets.

    Below /api/auth the first two are an empty 404, as the Better Auth protocol requires. A person
    gets a page everywhere.
    """
    path: str = request.scope["path"]
    if path.startswith(PREFIX) and error.status_code in (404, 405):
        return render_failure(request, HTTPStatus.NOT_FOUND) if is_navigation(request) else Response(status_code=404)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return render_failure(request, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": with_head(_methods(request))})
    if path in PAGE_PATHS and error.status_code == HTTPStatus.BAD_REQUEST:
        return render_refused(request, PageRefused("This link does not work", error.detail))
    return render_failure(request, HTTPStatus(error.status_code), error.headers)


def _methods(request: Request) -> set[str]:
    """All methods of the path (RFC 9110 §15.5.6). The router's error only names those of the first matching route."""
    fitting = (route for route in ROUTES if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE)
    return {method for route in fitting for method in route.methods or ()}


def _render_half_a_request(request: Request, error: ClientDisconnect) -> Response:
    """The client disconnected inside its body. It reads no 400, but a 500 would be logged and counted as our fault."""
    return Response(status_code=400)


def _render_unavailable(request: Request, error: Exception) -> Response:
    _log.error("store_unavailable", error=type(error).__name__)
    if request.scope["path"] in PAGE_PATHS:
        text = "This does not work at the moment. Please try again in a moment."
        later = PageRefused("Not now", text, status=503, links=(*_again(request), ACCOUNT_LINK))
        response = render_refused(request, later)
        response.headers["Retry-After"] = "1"
        return response
    return render_failure(request, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})


def _again(request: Request) -> tuple[Link, ...]:
    """A link to the page that failed. The address of a form names its request, so that the form can be shown again.

    A form that another site has posted has no such address.
    """
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if request.method == "POST" and not query:
        return ()
    return (Link("again-link", f"{path}?{query}" if query else path, "Try again"),)


def render_failure(request: Request, status: HTTPStatus, headers: Mapping[str, str] | None = None) -> Response:
    """A failure of no endpoint of its own: JSON, or a page for a person's browser that opens the address."""
    if is_navigation(request):
        title, text = _in_words(status)
        links = (_AGAIN, _START) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else (_START,)
        response = render_page(request, "error", status=status, title=title, text=text, links=links)
        response.headers.update(headers or {})
        return response
    body = {"message": status.phrase, "code": status.name}
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})


def _in_words(status: HTTPStatus) -> tuple[str, str]:
    """Title and text for people."""
    if status == HTTPStatus.NOT_FOUND:
        return "There is no such page", "Perhaps the link is old, or was copied incompletely."
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "This does not work at the moment", "Please try again in a moment."
    return "This page cannot be opened", "This address is for programs. Please begin at the start page."
