"""/recovery: a person who has lost the second factor asks for a mailed link, and later sets a new password by it.

Opening the link shows from when it can be used, and a button that stops the recovery. Only the forms do something.
Page, mail and link carry the way back to the application that the person came from (after_sign_in.py).
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...accounts import passwords
from ...accounts.factors.recoveries import recovery_of
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.pages import ACCOUNT_LINK, ANSWERS, HANDLE, PageRefused, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, find_pending
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.mailed_links import InvalidLink
from ...signing_in.recovery import NotReady, find_shown, recover, stop_by_link
from ...signing_in.recovery_start import (
    AlreadyStarted,
    NotOffered,
    RecoveryParts,
    find_waiting,
    start_recovery,
)
from ...signing_in.second_factor import NoChallenge, find_challenge
from .after_sign_in import GOES_ON_TO, WayBackParts, callback_of, facts_of_way, query_back
from .forms import (
    AGAIN,
    CALLBACK,
    FormParts,
    in_words,
    is_ours,
    query_of,
    read_page_form,
    render_form,
    retry_later,
    why_not_ours,
)
from .moments import moment
from .sentences import TOO_BUSY, length_fault

PATH = "/recovery"
TOKEN = "token"  # noqa: S105 - the name of a query parameter and of a field
DONE = "done"  # query parameter: what was done
STARTED, STOPPED, RECOVERED = "started", "stopped", "recovered"
router = APIRouter()


@dataclass(frozen=True)
class RecoveryPageParts(FormParts, PendingParts, RecoveryParts, WayBackParts):
    """The parts to show the page, and to start, stop and finish a recovery."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, RecoveryPageParts)
    done, token = query_of(request, DONE), query_of(request, TOKEN)
    pending = await find_pending(request, parts, query_of(request, HANDLE), now=now)
    if done in (STARTED, STOPPED, RECOVERED):
        return render_form(request, parts, "recovery_done", pending, goes_on_to=callback_of(request, parts), done=done)
    if token is None:
        return await _render_start(request, parts, pending, now)
    return await _render_link(request, parts, pending, token, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    parts = given(request, RecoveryPageParts)
    form = await read_page_form(request)
    token, pending = form.get(TOKEN), await find_pending(request, parts, form.get(HANDLE), now=now)
    if token is None:
        return await _start(request, parts, pending, form, now)
    return await _act(request, parts, pending, form, token, now)


async def _start(
    request: Request, parts: RecoveryPageParts, pending: PendingRequest | None, form: Parameters, now: Now
) -> Response:
    challenge, callback = await find_challenge(request, parts, now), callback_of(request, parts)
    way = query_back(pending, callback)
    if challenge is None:
        return see_other("/signin", **{AGAIN: "yes"}, **way)
    if not is_ours(request, parts, form):
        return await _render_start(request, parts, pending, now, why_not_ours(request, parts), 403)
    try:
        await start_recovery(request, parts, challenge, now, **facts_of_way(pending, callback))
    except (NotOffered, AlreadyStarted):
        return see_other(PATH, **way)  # the page says why
    except NoChallenge:
        return see_other("/signin", **{AGAIN: "yes"}, **way)
    except TooManyAttempts as held:
        error = Sentence(
            "This was asked for several times already. Please wait {wait}.", wait=in_words(held.retry_after)
        )
        return retry_later(await _render_start(request, parts, pending, now, error, 429), held.retry_after)
    return see_other(PATH, **{DONE: STARTED}, **way)


async def _act(
    request: Request, parts: RecoveryPageParts, pending: PendingRequest | None, form: Parameters, token: str, now: Now
) -> Response:
    """Stop the recovery, or finish it with a new password."""
    way = query_back(pending, callback_of(request, parts))
    if not is_ours(request, parts, form):
        return await _render_link(request, parts, pending, token, now, why_not_ours(request, parts), 403)
    try:
        if form.get("decision") == "stop":
            await stop_by_link(request, parts, token, now)
            return see_other(PATH, **{DONE: STOPPED}, **way)
        password = form.get("password") or ""
        fault = length_fault(password)
        if fault is not None:
            return await _render_link(request, parts, pending, token, now, fault, 422)
        await recover(request, parts, token, password, now)
    except InvalidLink:
        raise _spent() from None
    except NotReady:
        return see_other(PATH, **{TOKEN: token})
    except WeakPassword as weak:
        return await _render_link(request, parts, pending, token, now, weak.sentence, 422)
    except TooBusy:
        return retry_later(
            await _render_link(request, parts, pending, token, now, TOO_BUSY, 429), passwords.RETRY_AFTER
        )
    return see_other(PATH, **{DONE: RECOVERED}, **way)


async def _render_start(
    request: Request,
    parts: RecoveryPageParts,
    pending: PendingRequest | None,
    now: Now,
    error: str | None = None,
    status: int = 200,
) -> Response:
    """What a person can do who has passed the first step of a sign-in."""
    challenge = await find_challenge(request, parts, now)
    waiting = None if challenge is None else await find_waiting(parts, challenge)
    if waiting is None:
        return see_other("/signin", **query_back(pending, callback_of(request, parts)))
    recovery = recovery_of(waiting.account, now)
    return render_form(
        request,
        parts,
        "recovery",
        pending,
        goes_on_to=callback_of(request, parts),
        status=status,
        error=error,
        offer=waiting.offer.name,
        is_running=recovery is not None,
        ready_at=moment(recovery.ready_at) if recovery and recovery.ready_at else "",
        delay=in_words(parts.recovery_delay) if parts.recovery_delay else "",
    )


async def _render_link(
    request: Request,
    parts: RecoveryPageParts,
    pending: PendingRequest | None,
    token: str,
    now: Now,
    error: str | None = None,
    status: int = 200,
) -> Response:
    shown = await find_shown(parts, token, now)
    if shown is None or shown.recovery.ready_at is None:
        raise _spent()
    return render_form(
        request,
        parts,
        "recovery_link",
        pending,
        goes_on_to=callback_of(request, parts, GOES_ON_TO if query_of(request, TOKEN) else CALLBACK),
        status=status,
        error=error,
        email=shown.link.email,
        token=token,
        is_ready=shown.recovery.is_ready(now),
        ready_at=moment(shown.recovery.ready_at),
        ends_at=moment(shown.recovery.ends_at),
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
    )


def _spent() -> PageRefused:
    text = "It was used already, was stopped, is too old, or is not complete. Sign in to begin again."
    return PageRefused("This link does not work any more", text, links=(ACCOUNT_LINK,))
