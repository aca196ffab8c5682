"""/second-factor-setup in the middle of a sign-in: the account has to have a second factor, and has none.

Password or mail were right a moment ago, so the form asks for neither. There is no session until the first code.
"""

from datetime import datetime

from fastapi import Request, Response

from ...accounts.factors.totp_factors import AlreadyEnabled
from ...http.current_session import find_current
from ...http.pages import see_other
from ...http.pending_requests import PendingRequest
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.first_factor import Waiting, complete_set_up
from ...signing_in.second_factor import ChallengeSpent, NoChallenge, WrongCode
from ...signing_in.signed_in_factor import begin_app
from .after_sign_in import callback_of, query_back
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
from .forms import AGAIN, go_on, in_words, is_ours, why_not_ours
from .sentences import TOO_MANY_CODES


def show(
    request: Request,
    parts: FactorFormParts,
    waiting: Waiting,
    pending: PendingRequest | None,
    wrong: Wrong | None = None,
) -> Response:
    whose = Whose(waiting.account, pending)
    state = {"is_on": False, "is_done": False, "left": 0, "has_password": False, "asks_sign_in": False}
    return show_form(request, parts, "factor_setup", whose, wrong, **state)


async def submit(
    request: Request,
    parts: FactorFormParts,
    waiting: Waiting,
    pending: PendingRequest | None,
    form: Parameters,
    now: datetime,
) -> Response:
    """Begin, or confirm: that turns the second factor on and completes the sign-in."""
    if not is_ours(request, parts, form):
        return show(request, parts, waiting, pending, Wrong("", why_not_ours(request, parts)))
    whose = Whose(waiting.account, pending)
    try:
        if form.get("decision") != "confirm":
            begun = await begin_app(parts, waiting.account.id, now)
            return show_secret(request, parts, whose, begun.secret)
        current = await find_current(request, parts, now, may_slide=False)
        made = await complete_set_up(request, parts, now, waiting, code_of(form), current=current)
    except WrongCode:
        wrong = Wrong("code", WRONG_CODE)
    except TooManyAttempts as held:
        wrong = Wrong("", Sentence(TOO_MANY_CODES, wait=in_words(held.retry_after)), 429, held)
    except (NoChallenge, ChallengeSpent, AlreadyEnabled):
        return see_other("/signin", **query_back(pending, callback_of(request, parts)), **{AGAIN: "yes"})
    else:
        if pending is not None:
            await go_on(parts, pending, made.session.id)
        return show_codes(request, parts, whose, made.recovery_codes)
    secret = await find_shown_secret(parts, waiting.account, form)
    if secret is None:
        return show(request, parts, waiting, pending, wrong)
    return show_secret(request, parts, whose, secret, wrong)
