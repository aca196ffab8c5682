"""/api/auth/callback/ID: a person comes back from an upstream provider (OpenID Connect Core §3.1.2.5).

The address is that of the Better Auth protocol, and serves the hosted pages, too. Everything that can go wrong leads to
the page that the person came from, which says so in words; an application on the protocol gets a code instead, if it
has named a page for it. GET does the work, once, in the browser that began: a provider knows no other way to send
somebody here. An answer that is posted (`response_mode=form_post`) comes without our cookies, and is sent on to GET.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import structlog
from fastapi import APIRouter, Request, Response

from ..accounts.upstreams.dialogue import CALLBACK
from ..accounts.upstreams.discovery import ProviderUnavailable
from ..accounts.upstreams.starts import CONFIRM, LINK, Start, Used
from ..grants import authorization_requests
from ..http.current_session import Current, find_current
from ..http.oauth_requests import document_form, read_form
from ..http.pages import AUTHORIZE, HANDLE, Link, PageRefused, see_other
from ..http.parts import Now, given
from ..http.pending_requests import PendingParts, PendingRequest, find_pending, without_cookie
from ..oauth.errors import OAuthError
from ..oauth.upstream_answers import PARAMETERS, Answer, BadAnswer, read_answer
from ..signing_in.begun import SecondFactorAsked
from ..signing_in.upstream_answer import take_start
from ..signing_in.upstream_changes import UpstreamChangeParts, link_upstream
from ..signing_in.upstream_problems import LATE, OF, PROBLEM, PROVIDER, SIGN_IN_FIRST, Problem
from ..signing_in.upstream_sign_in import UpstreamSignInParts, sign_in_by_upstream

CALLBACK_URL = "callbackURL"  # query parameter of /second-factor
TO_ACCOUNT, CHANGE, OTHER_SIGN_INS = "to_account", "change", "sign-ins"
ANSWERS: dict[int | str, dict[str, Any]] = {
    303: {"description": "See Other"},
    400: {"description": "Bad Request", "content": {"text/html": {"schema": {"type": "string"}}}},
}
FORM = {
    "type": "object",
    "required": ["state"],
    "properties": {name: {"type": "string"} for name in PARAMETERS},
}
router = APIRouter()
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CallbackParts(PendingParts, UpstreamSignInParts, UpstreamChangeParts):
    """The parts to sign in or to link, and to go on with a pending request."""


@router.post(
    f"{CALLBACK}{{upstream_id}}", response_class=Response, responses=ANSWERS, openapi_extra=document_form(FORM)
)
async def send_on(request: Request) -> Response:
    """The same answer by GET, to which the browser adds our cookies (SameSite=Lax)."""
    try:
        form = await read_form(request)
    except OAuthError as error:
        raise _unknown(error.description) from None
    sent = {name: value for name in PARAMETERS if (value := form.get(name)) is not None}
    if not read_answer({name: [value] for name, value in sent.items()}).state:
        raise _unknown("no usable state")
    sent.pop("error_description", None)
    return see_other(request.url.path, **sent)


@router.get(f"{CALLBACK}{{upstream_id}}", response_class=Response, responses=ANSWERS)
async def come_back(request: Request, now: Now) -> Response:
    parts = given(request, CallbackParts)
    answer = read_answer({name: request.query_params.getlist(name) for name in PARAMETERS})
    used = await take_start(request, parts, request.path_params["upstream_id"], answer, now)
    if used is None:
        raise _unknown("no such state in this browser") if parts.browsers.read(request) else without_cookie()
    pending = await find_pending(request, parts, used.start.handle or None, now=now)
    current = await find_current(request, parts, now)
    if not used.is_first:
        return _again(used.start, pending, current)
    if used.start.purpose == LINK:
        return await _link(request, parts, used, answer, current, now)
    return await _sign_in(request, parts, used, answer, pending, current, now)


async def _sign_in(
    request: Request,
    parts: CallbackParts,
    used: Used,
    answer: Answer,
    pending: PendingRequest | None,
    current: Current | None,
    now: datetime,
) -> Response:
    start = used.start
    try:
        _, started, is_new = await sign_in_by_upstream(request, parts, now, used, answer, current=current)
    except SecondFactorAsked:
        return see_other(
            "/second-factor", **_handle(pending), **({CALLBACK_URL: start.callback} if start.callback else {})
        )
    except tuple(OF) as error:
        return _tell(start, pending, error)
    if pending is not None and not pending.is_answered:
        await parts.database.transact(authorization_requests.note_sign_in, pending.handle, started.id)
    return _go_on(start, pending, is_new=is_new)


async def _link(
    request: Request, parts: CallbackParts, used: Used, answer: Answer, current: Current | None, now: datetime
) -> Response:
    start = used.start
    try:
        await link_upstream(request, parts, now, used, answer, current)
    except tuple(OF) as error:
        return _tell(start, None, error)
    return see_other(start.callback or "/") if start.by_protocol else _to_other_sign_ins(done="linked")


def _go_on(start: Start, pending: PendingRequest | None, *, is_new: bool = False) -> Response:
    """Back to the application, or to the page that the person came from."""
    if start.by_protocol:
        return see_other((start.new_callback if is_new else "") or start.callback or "/")
    if pending is not None:
        return see_other(AUTHORIZE, **_handle(pending))
    if start.callback and not start.to_account:
        return see_other(start.callback)
    return see_other("/signin", **({TO_ACCOUNT: start.to_account} if start.to_account else {}))


def _again(start: Start, pending: PendingRequest | None, current: Current | None) -> Response:
    """An answer that was sent before does nothing. Who is signed in by now goes on; others may begin anew."""
    if current is None:
        return _explain(start, pending, LATE)
    return _to_other_sign_ins() if start.purpose == LINK and not start.by_protocol else _go_on(start, pending)


def _tell(start: Start, pending: PendingRequest | None, error: Exception) -> Response:
    problem = OF[type(error)]
    log = _log.warning if isinstance(error, BadAnswer | ProviderUnavailable) else _log.info
    log("upstream_sign_in_failed", upstream=start.upstream_id, problem=problem.word, reason=str(error))
    return _explain(start, pending, problem)


def _explain(start: Start, pending: PendingRequest | None, problem: Problem) -> Response:
    if start.by_protocol and start.error_callback:
        return see_other(_with_error(start.error_callback, problem.code))
    words = {PROBLEM: problem.word, PROVIDER: start.upstream_id}
    if start.purpose in (LINK, CONFIRM):
        return _to_other_sign_ins(**words)
    to_account = OTHER_SIGN_INS if problem.word == SIGN_IN_FIRST and pending is None else start.to_account
    callback = "" if start.by_protocol else start.callback
    kept = {name: value for name, value in ((TO_ACCOUNT, to_account), (CALLBACK_URL, callback)) if value}
    return see_other("/signin", **_handle(pending), **kept, **words)


def _to_other_sign_ins(**words: str) -> Response:
    return see_other("/account", **{CHANGE: OTHER_SIGN_INS}, **words)


def _handle(pending: PendingRequest | None) -> dict[str, str]:
    return {} if pending is None else {HANDLE: pending.handle}


def _with_error(url: str, code: str) -> str:
    """The URL with the parameter `error` added to its query."""
    parts = urlsplit(url)
    query = "&".join(each for each in (parts.query, urlencode({"error": code})) if each)
    return urlunsplit(parts._replace(query=query))


def _unknown(reason: str) -> PageRefused:
    """The refusal of an answer that this browser did not ask for, or asked for too long ago."""
    return PageRefused(
        "This sign-in cannot go on",
        "It took too long, was begun in another browser, or was not begun here at all. Please begin again.",
        reason=reason,
        links=(Link("signin-link", "/signin", "Sign in"),),
    )
