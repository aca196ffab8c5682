"""/account?change=password: a new password by the current one, or the first one after a recent sign-in."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...accounts import passwords
from ...accounts.accounts import find_password_hash
from ...accounts.passwords import TooBusy
from ...accounts.weak_passwords import WeakPassword
from ...http.current_session import Current
from ...http.pages import see_other
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.first_password import FirstPasswordParts, HasPassword, set_first_password
from ...signing_in.guessing import WrongPassword
from ...signing_in.password_change import NewPassword, NoPassword, SessionGone, change_password
from ...signing_in.recent_sign_in import NotFresh, require_fresh
from ...signing_in.signed_in_factor import NotSignedIn
from .after_sign_in import confirm_first
from .forms import FormParts, in_words, render_form, retry_later
from .sentences import TOO_BUSY, TOO_MANY_ATTEMPTS, WRONG_CURRENT_PASSWORD, length_fault


@dataclass(frozen=True)
class AccountPasswordParts(FormParts, FirstPasswordParts):
    """The parts of the form, and those to change a password."""


async def show(
    request: Request,
    parts: AccountPasswordParts,
    current: Current,
    error: str | None,
    status: int,
    wrong_field: str | None = None,
) -> Response:
    async with parts.database.reading() as session:
        has_password = await find_password_hash(session, current.account.id) is not None
    if not has_password:
        try:
            require_fresh(current, now=parts.clock())
        except NotFresh:
            return confirm_first("password")
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
        has_password=has_password,
        min_length=passwords.MIN_LENGTH,
        max_length=passwords.MAX_LENGTH,
    )


async def submit(
    request: Request, parts: AccountPasswordParts, current: Current, form: Parameters, now: datetime
) -> Response:
    shown, new = form.get("current_password") or "", form.get("password") or ""
    fault = length_fault(new)
    if fault is not None:
        return await show(request, parts, current, fault, 422, "password")
    ends_others = form.get("sign_out_others") is not None
    try:
        if form.get("first") is not None:
            await set_first_password(request, parts, now, current, new, ends_others=ends_others)
            return see_other("/account", done="password-set")
        await change_password(request, parts, now, current, NewPassword(shown, new, ends_sessions=ends_others))
    except NotFresh:
        return confirm_first("password")
    except HasPassword:
        return see_other("/account", change="password")
    except WeakPassword as weak:
        return await show(request, parts, current, weak.sentence, 422, "password")
    except (WrongPassword, NoPassword):
        return await show(request, parts, current, WRONG_CURRENT_PASSWORD, 403, "current-password")
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_ATTEMPTS, wait=in_words(held.retry_after))
        return retry_later(await show(request, parts, current, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await show(request, parts, current, TOO_BUSY, 429), passwords.RETRY_AFTER)
    except (SessionGone, NotSignedIn):
        return see_other("/signin")
    return see_other("/account", done="password")
