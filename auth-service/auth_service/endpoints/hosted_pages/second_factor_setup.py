"""/second-factor-setup: a person turns the second factor on and off, and gets new recovery codes.

The secret and the recovery codes are shown once, in the answer to a form: no address shows them again. In the middle of
a sign-in, first_factor.py has the page.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ...accounts.accounts import find_password_hash
from ...accounts.factors import recovery_codes
from ...accounts.factors.totp_factors import AlreadyEnabled
from ...accounts.passwords import TooBusy
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, HANDLE, see_other
from ...http.parts import Now, given
from ...http.pending_requests import PendingRequest, find_pending
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.confirming import ConfirmingParts, confirm_password
from ...signing_in.first_factor import find_waiting
from ...signing_in.guessing import WrongPassword
from ...signing_in.recent_sign_in import NotFresh, is_signed_in_recently, require_recent
from ...signing_in.second_factor import WrongCode
from ...signing_in.signed_in_factor import (
    NotEnabled,
    NotSignedIn,
    begin_app,
    prove,
    replace_recovery_codes,
    turn_off,
)
from . import first_factor
from .after_sign_in import SECOND_FACTOR, callback_of, confirm_first, query_back
from .factor_forms import (
    WRONG_CODE,
    FactorFormParts,
    Whose,
    Wrong,
    code_of,
    find_shown_secret,
    show_codes,
    show_form,
    show_secret,
)
from .forms import in_words, is_ours, query_of, read_page_form, why_not_ours
from .sentences import TOO_BUSY, TOO_MANY_ATTEMPTS, WRONG_PASSWORD

PATH = "/second-factor-setup"
SIGN_IN = "/signin"
DONE = "done"  # query parameter: the second factor was turned off
router = APIRouter()


@dataclass(frozen=True)
class SetupParts(FactorFormParts, ConfirmingParts):
    """The parts to show a form, to compare a password, and to change a second factor."""


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    """The page. A waiting sign-in goes before the session: its cookie lasts for minutes, and was made later."""
    parts = given(request, SetupParts)
    pending = await find_pending(request, parts, query_of(request, HANDLE), now=now)
    waiting = await find_waiting(request, parts, now)
    if waiting is not None:
        return first_factor.show(request, parts, waiting, pending)
    current = await find_current(request, parts, now)
    return _to_the_code(request, parts, pending) if current is None else await _render(request, parts, current, pending)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Begin, confirm, make new recovery codes, or turn off. Each but the second needs the password.

    An account without a password needs a sign-in of the last minutes instead.
    """
    parts = given(request, SetupParts)
    form = await read_page_form(request)
    pending = await find_pending(request, parts, form.get(HANDLE), now=now)
    waiting = await find_waiting(request, parts, now)
    if waiting is not None:
        return await first_factor.submit(request, parts, waiting, pending, form, now)
    current = await find_current(request, parts, now)
    if current is None:
        return _to_the_code(request, parts, pending)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, current, pending, Wrong("", why_not_ours(request, parts)))
    try:
        return await _decide(request, parts, current, pending, form, now)
    except WrongPassword:
        wrong = Wrong("password", WRONG_PASSWORD)
    except WrongCode:
        wrong = Wrong("code", WRONG_CODE)
    except TooManyAttempts as held:
        wrong = Wrong("", Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after)), 429, held)
    except TooBusy:
        wrong = Wrong("", TOO_BUSY, 429)
    except (AlreadyEnabled, NotEnabled):
        return see_other(PATH)  # another tab was first; the page shows what is now
    except NotFresh:
        return confirm_first(SECOND_FACTOR)
    except NotSignedIn:
        return see_other(SIGN_IN)
    return await _again(request, parts, current, pending, form, wrong)


def _to_the_code(request: Request, parts: SetupParts, pending: PendingRequest | None) -> Response:
    """A sign-in may wait for a passkey there; without one it leads on to where one begins."""
    return see_other("/second-factor", **query_back(pending, callback_of(request, parts)))


async def _decide(
    request: Request,
    parts: SetupParts,
    current: Current,
    pending: PendingRequest | None,
    form: Parameters,
    now: datetime,
) -> Response:
    decision, code = form.get("decision"), code_of(form)
    whose = Whose(current.account, pending, current.session.id)
    change = (request, parts, current, now)
    if decision == "confirm":
        await prove(request, parts, now, current, code)
        codes = await parts.database.transact(replace_recovery_codes, *change, tells=False)
        return show_codes(request, parts, whose, codes)
    if await _has_password(parts, current):
        await confirm_password(request, parts, now, current.account, form.get("password") or "")
    else:
        require_recent(current, now=now)
    if decision == "begin":
        begun = await begin_app(parts, current.account.id, now)
        return show_secret(request, parts, whose, begun.secret)
    await prove(request, parts, now, current, code)
    if decision == "new-codes":
        return show_codes(request, parts, whose, await parts.database.transact(replace_recovery_codes, *change))
    await parts.database.transact(turn_off, *change)
    return see_other(PATH, **{DONE: "yes"})


async def _again(
    request: Request,
    parts: SetupParts,
    current: Current,
    pending: PendingRequest | None,
    form: Parameters,
    wrong: Wrong,
) -> Response:
    """The form again. The secret is shown again to whoever has it: the form of before carries it."""
    if form.get("decision") == "confirm":
        secret = await find_shown_secret(parts, current.account, form)
        if secret is not None:
            whose = Whose(current.account, pending, current.session.id)
            return show_secret(request, parts, whose, secret, wrong)
    return await _render(request, parts, current, pending, wrong)


async def _render(
    request: Request,
    parts: SetupParts,
    current: Current,
    pending: PendingRequest | None,
    wrong: Wrong | None = None,
) -> Response:
    """The first page: what there is, and what can be done."""
    async with parts.database.reading() as session:
        left = await recovery_codes.count_unused(session, current.account.id)
    has_password = await _has_password(parts, current)
    asks_sign_in = not has_password and not is_signed_in_recently(current, now=parts.clock())
    is_on, is_done = current.account.second_factor_at is not None, query_of(request, DONE) is not None
    whose = Whose(current.account, pending, current.session.id)
    state = {"is_on": is_on, "is_done": is_done, "left": left}
    return show_form(
        request, parts, "factor_setup", whose, wrong, **state, has_password=has_password, asks_sign_in=asks_sign_in
    )


async def _has_password(parts: SetupParts, current: Current) -> bool:
    async with parts.database.reading() as session:
        return await find_password_hash(session, current.account.id) is not None
