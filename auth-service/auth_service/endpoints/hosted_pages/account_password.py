"""/account?change=password: a new password by the current one."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts import passwords
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.current_session import Current
from ...http.pages import see_other
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.guessing import WrongPassword
from ...signing_in.password_change import NewPassword, NoPassword, PasswordChangeParts, SessionGone, change_password
from .forms import FormParts, in_words, render_form, retry_later
from .sentences import TOO_BUSY, TOO_MANY_ATTEMPTS, WRONG_CURRENT_PASSWORD, length_fault


@dataclass(frozen=True)
class AccountPasswordParts(FormParts, PasswordChangeParts):
    """The parts of the form, and those to change a password."""


async def show(
    request: Request,
    parts: FormParts,
    current: Current,
    error: str | None,
    status: int,
    wrong_field: str | None = None,
) -> Response:
    return render_form(
        request,
        parts,
        "account_password",
        None,
        session_id=current.session.id,
        status=status,
        error=error,
        wrong_field=wrong_field,
        account=current.account,
        min_length=passwords.MIN_LENGTH,
    )


async def submit(
    request: Request, parts: AccountPasswordParts, current: Current, form: Parameters, now: datetime
) -> Response:
    shown, new = form.get("current_password") or "", form.get("password") or ""
    fault = length_fault(new)
    if fault is not None:
        return await show(request, parts, current, fault, 422, "password")
    wanted = NewPassword(shown, new, ends_sessions=form.get("sign_out_others") is not None)
    try:
        await change_password(request, parts, now, current, wanted)
    except WeakPassword as weak:
        return await show(request, parts, current, weak.sentence, 422, "password")
    except (WrongPassword, NoPassword):
        return await show(request, parts, current, WRONG_CURRENT_PASSWORD, 403, "current-password")
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await show(request, parts, current, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await show(request, parts, current, TOO_BUSY, 429), passwords.RETRY_AFTER)
    except SessionGone:
        return see_other("/signin")
    return see_other("/account", done="password")
