"""Shared by the forms of all pages: reading a form, refusing a forged one, and describing the pending request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import Request, Response

from ...accounts.accounts import Account
from ...accounts.factors.recoveries import recovery_of
from ...clients.own_registrations import is_stranger
from ...grants import authorization_requests
from ...http.browsers import NOBODY, Browsers
from ...http.current_session import device_of
from ...http.oauth_requests import read_form
from ...http.pages import AUTHORIZE, HANDLE, PageRefused, render_page, see_other
from ...http.parts import Given
from ...http.pending_requests import PendingParts, PendingRequest
from ...mail.languages.sentences import Sentence
from ...network.networks import networks_of
from ...network.trusted_origins import parse_origin
from ...oauth.authorization_request import Device
from ...oauth.client_documents import host_of
from ...oauth.errors import OAuthError
from ...oauth.parameters import Parameters
from ...oauth.redirect_uri import is_loopback, is_private_use
from ...oauth.shown_members import is_picture, links_of
from ...store.instants import Clock
from .moments import moment

FORM_TOKEN = "form_token"  # noqa: S105 - the name of a field
AGAIN = "again"  # query parameter of /signin: the code did not come in time, or there were too many wrong ones
CALLBACK = "callbackURL"  # query parameter, as in the Better Auth protocol: where the person goes afterwards
SECOND_FACTOR = "/second-factor"
OUT_OF_DATE = "This form was out of date. Please try again."
NO_COOKIES = (
    "Your browser sent no cookie of this site. Please allow cookies for it in your browser's settings, and try again."
)
ELSEWHERE = "You have opened this site under another name. Its address is {origin}: please open it there."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FormParts(Given):
    clock: Clock
    issuer: str
    browsers: Browsers


async def read_page_form(request: Request) -> Parameters:
    """The parameters of a form. Raises PageRefused if it cannot be read."""
    try:
        return await read_form(request)
    except OAuthError as error:
        raise PageRefused(
            "This form cannot be read", "Go back and try again.", status=error.status, reason=error.description
        ) from None


def query_of(request: Request, name: str) -> str | None:
    """A query parameter. None if it is missing, empty or repeated."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and values[0] else None


def is_ours(request: Request, parts: FormParts, form: Parameters, session_id: str = NOBODY) -> bool:
    accepted = parts.browsers.accepts_form(request, form.get(FORM_TOKEN) or "", session_id)
    if not accepted:
        _log.info("form_refused", reason="another origin, or another browser's or session's token")
    return accepted


def why_not_ours(request: Request, parts: FormParts) -> str:
    """The reason why `is_ours` is false, and the way on, in words for the person."""
    host = urlsplit(parts.issuer).netloc
    origin = parse_origin(request.headers.get("origin", "")) or ""
    if urlsplit(origin).netloc not in ("", host) and urlsplit(origin).netloc == request.headers.get("host"):
        return Sentence(ELSEWHERE, origin=parts.issuer)
    return OUT_OF_DATE if parts.browsers.read(request) else NO_COOKIES


def render_form(
    request: Request,
    parts: FormParts,
    name: str,
    pending: PendingRequest | None,
    *,
    session_id: str = NOBODY,
    status: int = 200,
    ends_at_client: bool = False,
    has_script: bool = False,
    goes_on_to: str = "",
    kept: Mapping[str, str] | None = None,
    **context: object,
) -> Response:
    """A page with a form for this browser. A browser without a cookie gets one.

    Args:
        goes_on_to: the application's page that the person goes on to, which the addresses of forms carry along.
        kept: query parameters of the page that its form's address has, too.
    """
    browser, account = parts.browsers.recognize(request), context.get("account")
    told = session_id != NOBODY and isinstance(account, Account) and _describe_recovery(account, parts.clock())
    query = {HANDLE: pending.handle} if pending else {CALLBACK: goes_on_to} if goes_on_to else {}
    return render_page(
        request,
        name,
        status=status,
        ends_at_client=pending is not None or ends_at_client or goes_on_to != "",
        has_script=has_script,
        form_token=parts.browsers.form_token(browser, session_id),
        handle=pending.handle if pending else None,
        client=describe_client(pending) if pending else None,
        device=describe_device(request, pending.request.device, parts.clock())
        if pending and pending.request.device
        else None,
        address_query=_query(query),
        own_query=_query({**query, **(kept or {})}),
        recovery=told or None,
        **{"callback": goes_on_to, **context},
    )


def _query(members: Mapping[str, str]) -> str:
    return f"?{urlencode(members)}" if members else ""


def _describe_recovery(account: Account, now: datetime) -> dict[str, Sentence | None] | None:
    """What every page tells the person who is signed in, so that a stranger's recovery is noticed and stopped."""
    recovery = recovery_of(account, now)
    return None if recovery is None else {"ready_at": moment(recovery.ready_at) if recovery.ready_at else None}


def describe_client(pending: PendingRequest) -> dict[str, object]:
    """The client as a page shows it: its registered name, and the host or scheme that the person will be sent to."""
    redirect_uri, registration = pending.request.redirect_uri, pending.client.registration
    scheme = redirect_uri.partition(":")[0] if is_private_use(redirect_uri) else ""
    host = scheme or urlsplit(redirect_uri).netloc
    return {
        "name": registration.client_name or host or pending.client.client_id,
        "redirect_host": host,
        "is_loopback": is_loopback(redirect_uri),
        "is_private_use": bool(scheme),
        "is_stranger": is_stranger(pending.client),
        "document_host": host_of(pending.client.client_id),
        "links": links_of(registration),
        "logo": registration.logo_uri if is_picture(registration.logo_uri) else None,
    }


def describe_device(request: Request, device: Device, now: datetime) -> dict[str, object]:
    """Where a device is and since when it waits. `is_near`: it has the address, or the IPv6 /64, of this browser."""
    begun_at = datetime.fromtimestamp(device.begun_at, UTC)
    near = networks_of(device.address)[0] == networks_of(device_of(request).ip_address)[0]
    return {
        "address": device.address,
        "begun_at": begun_at,
        "ago": in_words(now.replace(microsecond=0) - begun_at),
        "is_near": near,
    }


async def go_on(parts: PendingParts, pending: PendingRequest, session_id: str) -> Response:
    """Record the sign-in at the request's page, and return to /oauth/authorize."""
    await parts.database.transact(authorization_requests.note_sign_in, pending.handle, session_id)
    return back_to_authorize(pending)


def back_to_authorize(pending: PendingRequest) -> Response:
    return see_other(AUTHORIZE, **{HANDLE: pending.handle})


def on_to_second_factor(pending: PendingRequest | None, kept: Mapping[str, str] | None = None) -> Response:
    """The password was right; the page of the code comes next, about the same request."""
    return see_other(SECOND_FACTOR, **({HANDLE: pending.handle} if pending else {}), **(kept or {}))


def in_words(duration: timedelta) -> Sentence:
    """A duration in words, rounded up."""
    seconds = max(1, -(-duration // timedelta(seconds=1)))
    if seconds < 60:
        return Sentence("1 second", "{number} seconds", number=seconds)
    minutes = -(-seconds // 60)
    if minutes < 120:
        return Sentence("1 minute", "{number} minutes", number=minutes)
    hours = -(-minutes // 60)
    if hours < 48:
        return Sentence("1 hour", "{number} hours", number=hours)
    return Sentence("1 day", "{number} days", number=-(-hours // 24))


def retry_later(response: Response, duration: timedelta) -> Response:
    response.headers["Retry-After"] = str(max(1, -(-duration // timedelta(seconds=1))))
    return response
