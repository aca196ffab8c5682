"""/device: the person types the code that a device shows (RFC 8628 §3.3).

The code begins an authorization request, which asks for a fresh sign-in and for consent, whatever was agreed to before.
The consent page says where the device is and when it began. A link may bring the code along (§3.3.1): then the person
has to say that the device shows the same one, since somebody else may have sent the link (§5.4, RFC 10027).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...grants import authorization_requests, device_codes, user_codes
from ...grants.device_codes import DeviceCode
from ...grants.user_codes import MAX_TYPED, UserCodes
from ...http.current_session import SessionParts, device_of, find_current
from ...http.pages import ANSWERS, AUTHORIZE, HANDLE, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...network.networks import networks_of
from ...oauth.parameters import Parameters
from ...sealed import opaque
from ...telemetry.counts import RequestCounts
from .forms import FormParts, in_words, is_ours, query_of, read_page_form, render_form, retry_later, why_not_ours
from .sentences import TOO_MANY_CODES

PATH = "/device"
USER_CODE = "user_code"  # query parameter and field
UNKNOWN = (
    "No device waits with this code. It may have expired, or been entered in another browser. "
    "Compare it with the device, or start again there."
)
NOT_A_CODE = "The code on the device has eight letters, such as WDJB-MJHT."
NOT_COMPARED = "Compare the code with the one on your device, and confirm that it is the same."
router = APIRouter()


@dataclass(frozen=True)
class DevicePageParts(FormParts, SessionParts):
    user_codes: UserCodes
    counts: RequestCounts


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request) -> Response:
    """The form. A code in the address is only filled in: it is not looked up, and a GET changes nothing."""
    return _render(request, given(request, DevicePageParts), None)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, DevicePageParts)
    form = await read_page_form(request)
    if not is_ours(request, parts, form):
        return _render(request, parts, form, why_not_ours(request, parts), status=403)
    code = user_codes.parse(form.get(USER_CODE) or "")
    if code is None:
        return _render(request, parts, form, NOT_A_CODE, status=422)
    if form.get("from_link") is not None and form.get("compared") is None:
        return _render(request, parts, form, NOT_COMPARED, status=422)
    current = await find_current(request, parts, now, may_slide=False)
    account_id = None if current is None else current.account.id
    networks = networks_of(device_of(request).ip_address)
    try:
        budgets = await parts.database.transact(parts.user_codes.attempts.take, networks, account_id, now=now)
    except TooManyAttempts as held:
        parts.counts.user_codes.add("held")
        error = Sentence(TOO_MANY_CODES, wait=in_words(held.retry_after))
        return retry_later(_render(request, parts, form, error, status=429), held.retry_after)
    browser, handle = parts.browsers.recognize(request), opaque.draw()
    hashes = parts.user_codes.hashes_of(code)
    found = await parts.database.transact(_begin, hashes, browser, handle, now)
    parts.counts.user_codes.add("unknown" if found is None else "accepted")
    if found is None:
        return _render(request, parts, form, UNKNOWN, status=403)
    await parts.database.transact(parts.user_codes.attempts.succeeded, budgets)
    return see_other(AUTHORIZE, **{HANDLE: handle})


async def _begin(
    session: AsyncSession, hashes: Collection[str], browser: str, handle: str, now: datetime
) -> DeviceCode | None:
    """Take the code for this browser, and store the device's request for it. None if there is no such code."""
    device = await device_codes.take(session, hashes, browser, now=now)
    if device is None:
        return None
    await authorization_requests.store(
        session,
        handle,
        device.request,
        browser=browser,
        client_metadata=device.client_metadata,
        now=now,
    )
    return device


def _render(
    request: Request, parts: DevicePageParts, form: Parameters | None, error: str | None = None, *, status: int = 200
) -> Response:
    by_link = query_of(request, USER_CODE) if form is None else None
    typed = by_link if form is None else form.get(USER_CODE)
    return render_form(
        request,
        parts,
        "device",
        None,
        status=status,
        error=error,
        user_code=(typed or "")[:MAX_TYPED],
        from_link=by_link is not None or (form is not None and form.get("from_link") is not None),
    )
