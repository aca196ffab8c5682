"""/second-factor: the code that completes a sign-in, from the authenticator app or the list of recovery codes.

A person who is signed in proves a second factor here, too, if an application asks for it (`acr_values`). A passkey does
as well: its form goes to /signin.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...accounts.factors.challenges import Challenge
from ...accounts.passkeys.passkeys import count_passkeys
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, HANDLE, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingParts, PendingRequest, find_pending, require_pending
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...sessions.proofs import find_second_factor_at
from ...signing_in.first_factor import find_waiting
from ...signing_in.passkey_checks import PasskeyChecks
from ...signing_in.password_sign_in import AccountSuspended
from ...signing_in.second_factor import (
    ChallengeSpent,
    Code,
    FactorParts,
    NoChallenge,
    WrongCode,
    complete_sign_in,
    find_challenge,
)
from ...signing_in.signed_in_factor import NotEnabled, NotSignedIn, prove
from .after_sign_in import WayBackParts, callback_of, go_back, kept_of, query_back
from .forms import (
    AGAIN,
    FormParts,
    back_to_authorize,
    go_on,
    in_words,
    is_ours,
    query_of,
    read_page_form,
    render_form,
    retry_later,
    why_not_ours,
)
from .sentences import SUSPENDED, TOO_MANY_CODES

PATH = "/second-factor"
SIGN_IN = "/signin"
USE_RECOVERY_CODE = "use_recovery_code"  # query parameter: ask for one instead
WRONG = "This code is not valid. Enter the newest one that the app shows; each works once."
WRONG_RECOVERY_CODE = "This is none of your recovery codes, or it was used already."
router = APIRouter()


@dataclass(frozen=True)
class SecondFactorPageParts(FormParts, PendingParts, FactorParts, WayBackParts):
    """The parts to show a page about a pending request, and to check a code."""

    passkey_checks: PasskeyChecks


@dataclass(frozen=True)
class Ways:
    """How a person can prove a second factor."""

    code: bool
    passkey: bool
    keeps: bool = False  # the person wants to stay signed in on this device
    is_signing_in: bool = False  # it is a sign-in that waits; otherwise the person is signed in


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    """The form; without a sign-in that waits for a code, a redirect to where one begins."""
    parts = given(request, SecondFactorPageParts)
    handle = query_of(request, HANDLE)
    pending = None if handle is None else await require_pending(request, parts, handle, now=now)
    if pending is not None and pending.is_answered:
        return back_to_authorize(pending)
    if await find_waiting(request, parts, now) is not None:
        return _to_set_up(request, parts, pending)
    challenge, current = await find_challenge(request, parts, now), await find_current(request, parts, now)
    if challenge is None and current is None:
        return _to_sign_in(request, parts, pending)
    ways = await _find_ways(parts, challenge, current)
    if ways.code or (ways.passkey and (pending is not None or ways.is_signing_in)):
        return _render(request, parts, pending, ways)
    return _to_sign_in(request, parts, pending) if pending is None else _to_set_up(request, parts, pending)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Complete the sign-in by the same function as the Better Auth protocol."""
    parts = given(request, SecondFactorPageParts)
    form = await read_page_form(request)
    pending = await find_pending(request, parts, form.get(HANDLE), now=now)
    challenge, current = await find_challenge(request, parts, now), await find_current(request, parts, now)
    ways = await _find_ways(parts, challenge, current)
    if not is_ours(request, parts, form):
        return _render(request, parts, pending, ways, form, why_not_ours(request, parts), status=403)
    code = _code_of(form)
    try:
        if challenge is None and current is not None:
            await prove(request, parts, now, current, code)
            return go_back(request, parts) if pending is None else back_to_authorize(pending)
        _, started = await complete_sign_in(request, parts, now, code, current=current)
    except (NotEnabled, NotSignedIn):
        return _to_sign_in(request, parts, pending)
    except (NoChallenge, ChallengeSpent):
        return _to_sign_in(request, parts, pending, **{AGAIN: "yes"})
    except WrongCode:
        wrong = WRONG_RECOVERY_CODE if code.is_recovery_code else WRONG
        return _render(request, parts, pending, ways, form, wrong, status=403)
    except AccountSuspended:
        return _render(request, parts, pending, ways, form, SUSPENDED, status=403)
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_CODES, wait=in_words(held.retry_after))
        return retry_later(_render(request, parts, pending, ways, form, error, status=429), held.retry_after)
    return go_back(request, parts) if pending is None else await go_on(parts, pending, started.id)


async def _find_ways(parts: SecondFactorPageParts, challenge: Challenge | None, current: Current | None) -> Ways:
    """What the account of the waiting sign-in, or of the session, has. Without either: a code, which is refused."""
    account_id = challenge.account_id if challenge else current.account.id if current else ""
    async with parts.database.reading() as session:
        has_passkey = await count_passkeys(session, account_id) > 0 and parts.passkey_checks.is_on
        has_app = await find_second_factor_at(session, account_id) is not None
    takes_code = has_app or not account_id or (challenge is not None and not has_passkey)
    keeps = challenge.is_remembered if challenge else current is not None and current.session.is_remembered
    return Ways(takes_code, has_passkey, keeps, is_signing_in=challenge is not None)


def _code_of(form: Parameters) -> Code:
    """What was typed. An app shows its six digits in two groups, and people type the space."""
    recovery_code, trusts = form.get("recovery_code"), form.get("trust") is not None
    if recovery_code is not None:
        return Code(recovery_code, is_recovery_code=True, trusts_browser=trusts)
    return Code("".join((form.get("code") or "").split()), trusts_browser=trusts)


def _to_sign_in(
    request: Request, parts: SecondFactorPageParts, pending: PendingRequest | None, **query: str
) -> Response:
    return see_other(SIGN_IN, **{**kept_of(request, parts), **query_back(pending, ""), **query})


def _to_set_up(request: Request, parts: SecondFactorPageParts, pending: PendingRequest | None) -> Response:
    """There is no second factor yet, and the account or the application needs one."""
    return see_other("/second-factor-setup", **query_back(pending, callback_of(request, parts)))


def _render(
    request: Request,
    parts: SecondFactorPageParts,
    pending: PendingRequest | None,
    ways: Ways,
    form: Parameters | None = None,
    error: str | None = None,
    *,
    status: int = 200,
) -> Response:
    by_query = query_of(request, USE_RECOVERY_CODE) is not None
    return render_form(
        request,
        parts,
        "second_factor",
        pending,
        status=status,
        error=error,
        ways=ways,
        goes_on_to=callback_of(request, parts),
        has_script=ways.passkey,
        kept=kept_of(request, parts),
        asks_recovery_code=by_query if form is None else form.get("recovery_code") is not None,
        trust=form is not None and form.get("trust") is not None,
    )
