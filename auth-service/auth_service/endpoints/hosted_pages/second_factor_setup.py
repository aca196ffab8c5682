"""/second-factor-setup: a person turns the second factor on and off, and gets new recovery codes.

The secret and the recovery codes are shown once, in the answer to a form: no address shows them again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from ...accounts.factors import recovery_codes, totp
from ...accounts.factors.totp_factors import AlreadyEnabled
from ...accounts.passwords import RETRY_AFTER, TooBusy
from ...http.current_session import Current, find_current
from ...http.pages import ANSWERS, see_other
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...oauth.parameters import Parameters
from ...signing_in.confirming import ConfirmingParts, confirm_password
from ...signing_in.guessing import WrongPassword
from ...signing_in.second_factor import Code, FactorParts, WrongCode
from ...signing_in.signed_in_factor import (
    NotEnabled,
    NotSignedIn,
    begin_app,
    prove,
    replace_recovery_codes,
    turn_off,
)
from .forms import FormParts, in_words, is_ours, query_of, read_page_form, render_form, retry_later, why_not_ours
from .qr_codes import draw

PATH = "/second-factor-setup"
SIGN_IN = "/signin"
DONE = "done"  # query parameter: the second factor was turned off
WRONG_PASSWORD = "This is not your password."  # noqa: S105 - a sentence
WRONG_CODE = "This code is not valid. Enter the newest one that the app shows; each works once."
router = APIRouter()


@dataclass(frozen=True)
class SetupParts(FormParts, FactorParts, ConfirmingParts):
    """The parts to show a form, to compare a password, and to change a second factor."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a form: in which field, and in words."""

    field: str
    text: str
    status: int = 403
    retry: TooManyAttempts | None = None


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def show(request: Request, now: Now) -> Response:
    parts = given(request, SetupParts)
    current = await find_current(request, parts, now)
    return see_other(SIGN_IN) if current is None else await _render(request, parts, current)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def submit(request: Request, now: Now) -> Response:
    """Begin, confirm, make new recovery codes, or turn off. Each but the second needs the password."""
    parts = given(request, SetupParts)
    form = await read_page_form(request)
    current = await find_current(request, parts, now)
    if current is None:
        return see_other(SIGN_IN)
    if not is_ours(request, parts, form, current.session.id):
        return await _render(request, parts, current, Wrong("", why_not_ours(request, parts)))
    try:
        return await _decide(request, parts, current, form, now)
    except WrongPassword:
        wrong = Wrong("password", WRONG_PASSWORD)
    except WrongCode:
        wrong = Wrong("code", WRONG_CODE)
    except TooManyAttempts as held:
        wrong = Wrong("", f"Too many attempts. Please wait {in_words(held.retry_after)} and try again.", 429, held)
    except TooBusy:
        wrong = Wrong("", "Too many people are signing in. Please try again in a moment.", 429)
    except (AlreadyEnabled, NotEnabled):
        return see_other(PATH)  # another tab was first; the page shows what is now
    except NotSignedIn:
        return see_other(SIGN_IN)
    return await _again(request, parts, current, form, wrong)


async def _decide(request: Request, parts: SetupParts, current: Current, form: Parameters, now: datetime) -> Response:
    decision, code = form.get("decision"), Code("".join((form.get("code") or "").split()))
    ids = (current.account.id, current.session.id)
    if decision == "confirm":
        await prove(request, parts, now, current, code)
        return _show_codes(request, parts, await parts.database.transact(replace_recovery_codes, *ids, now))
    await confirm_password(request, parts, now, current.account, form.get("password") or "")
    if decision == "begin":
        begun = await begin_app(parts, current.account.id, now)
        return _show_secret(request, parts, current, begun.secret)
    await prove(request, parts, now, current, code)
    if decision == "new-codes":
        return _show_codes(request, parts, await parts.database.transact(replace_recovery_codes, *ids, now))
    await parts.database.transact(turn_off, *ids, now)
    return see_other(PATH, **{DONE: "yes"})


async def _again(request: Request, parts: SetupParts, current: Current, form: Parameters, wrong: Wrong) -> Response:
    """The form again. The secret is shown again to whoever has it: the form of before carries it."""
    secret = form.get("secret") or ""
    if form.get("decision") == "confirm" and secret:
        async with parts.database.reading() as session:
            if await parts.factor_checks.apps.find_secret(session, current.account.id) == secret:
                return _show_secret(request, parts, current, secret, wrong)
    return await _render(request, parts, current, wrong)


def _show_secret(
    request: Request, parts: SetupParts, current: Current, secret: str, wrong: Wrong | None = None
) -> Response:
    uri = totp.uri_of(secret, issuer=parts.factor_checks.product, account=current.account.email)
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    return _form(request, parts, current, "factor_secret", wrong, secret=secret, groups=groups, qr=draw(uri), uri=uri)


def _show_codes(request: Request, parts: SetupParts, codes: list[str]) -> Response:
    return render_form(request, parts, "factor_codes", None, codes=codes)


async def _render(request: Request, parts: SetupParts, current: Current, wrong: Wrong | None = None) -> Response:
    """The first page: what there is, and what can be done."""
    async with parts.database.reading() as session:
        left = await recovery_codes.count_unused(session, current.account.id)
    is_on, is_done = current.account.second_factor_at is not None, query_of(request, DONE) is not None
    return _form(request, parts, current, "factor_setup", wrong, is_on=is_on, is_done=is_done, left=left)


def _form(
    request: Request, parts: SetupParts, current: Current, name: str, wrong: Wrong | None, **context: Any
) -> Response:
    response = render_form(
        request,
        parts,
        name,
        None,
        session_id=current.session.id,
        status=wrong.status if wrong else 200,
        account=current.account,
        error=wrong.text if wrong else None,
        wrong_field=wrong.field if wrong else None,
        **context,
    )
    if wrong is not None and wrong.status == 429:
        retry_later(response, wrong.retry.retry_after if wrong.retry else RETRY_AFTER)
    return response
