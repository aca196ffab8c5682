"""/account?change=email: ask for another address. It takes effect at /confirm, by a link that is mailed to it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts import passwords
from ...accounts.accounts import find_password_hash
from ...accounts.email_addresses import MAX_LENGTH, parse_email
from ...accounts.passwords import TooBusy
from ...http.current_session import Current
from ...http.pages import see_other
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.email_change import request_change
from ...signing_in.guessing import WrongPassword, place_in_queue
from ...signing_in.password_change import NoPassword, PasswordChangeParts, confirm_password
from ...signing_in.recent_sign_in import NotFresh, lacks_second_factor, require_fresh
from ...signing_in.second_factor import FactorParts, WrongCode
from ...signing_in.signed_in_factor import NotEnabled, NotSignedIn, prove
from .after_sign_in import confirm_first
from .factor_forms import WRONG_CODE, code_of
from .forms import FormParts, in_words, render_form, retry_later
from .sentences import NO_EMAIL, TOO_BUSY, TOO_MANY_MAILS, WRONG_CURRENT_PASSWORD


@dataclass(frozen=True)
class AccountEmailParts(FormParts, PasswordChangeParts, FactorParts):
    """The parts of the form, and those to compare the password, to check a code and to post a mail."""


async def show(
    request: Request,
    parts: AccountEmailParts,
    current: Current,
    error: str | None,
    status: int,
    email: str = "",
    wrong_field: str | None = None,
) -> Response:
    has_password = await _has_password(parts, current)
    if not has_password:
        try:
            require_fresh(current, now=parts.clock())
        except NotFresh:
            return confirm_first("email")
    return render_form(
        request,
        parts,
        "account_email",
        None,
        session_id=current.session.id,
        status=status,
        error=error,
        wrong_field=wrong_field,
        account=current.account,
        email=email[:MAX_LENGTH],
        has_password=has_password,
        asks_code=lacks_second_factor(current, now=parts.clock()),
    )


async def submit(
    request: Request, parts: AccountEmailParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """Compare the password and the code, or require a recent sign-in if there is none, and only then post a mail."""
    typed = form.get("email") or ""
    email = parse_email(typed)
    if email is None:
        return await show(request, parts, current, NO_EMAIL, 422, typed, "email")
    if email == current.account.email:
        same = "This is the address that the account has."
        return await show(request, parts, current, same, 422, typed, "email")
    try:
        if not await _has_password(parts, current):
            require_fresh(current, now=now)
            await request_change(request, parts, current, email, now)
            return see_other("/account", done="email")
        with place_in_queue(request, parts.passwords) as place:
            shown = form.get("current_password") or ""
            _, attempt = await confirm_password(request, parts, now, place, current, shown)
        await parts.database.transact(parts.attempts.succeeded, attempt)
        if lacks_second_factor(current, now=now):
            await prove(request, parts, now, current, code_of(form))
        await request_change(request, parts, current, email, now)
    except NotFresh:
        return confirm_first("email")
    except (WrongPassword, NoPassword):
        return await show(request, parts, current, WRONG_CURRENT_PASSWORD, 403, typed, "current-password")
    except (WrongCode, NotEnabled):
        return await show(request, parts, current, WRONG_CODE, 403, typed, "code")
    except NotSignedIn:
        return see_other("/signin")
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_MAILS, wait=in_words(held.retry_after))
        return retry_later(await show(request, parts, current, error, 429, typed), held.retry_after)
    except TooBusy:
        return retry_later(await show(request, parts, current, TOO_BUSY, 429, typed), passwords.RETRY_AFTER)
    return see_other("/account", done="email")


async def _has_password(parts: AccountEmailParts, current: Current) -> bool:
    async with parts.database.reading() as session:
        return await find_password_hash(session, current.account.id) is not None
