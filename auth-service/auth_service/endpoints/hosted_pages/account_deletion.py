"""/account?change=delete: delete the account, by the password or a recent sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request, Response

from ...accounts import passwords
from ...accounts.accounts import find_password_hash
from ...accounts.passwords import TooBusy
from ...http.current_session import Current
from ...http.pages import render_page, see_other
from ...limits.attempts import TooManyAttempts
from ...mail.languages.sentences import Sentence
from ...oauth.parameters import Parameters
from ...signing_in.account_deletion import DeletionParts, delete_account, request_deletion
from ...signing_in.confirming import ConfirmingParts, confirm_password
from ...signing_in.guessing import WrongPassword
from ...store.instants import is_recent
from .after_sign_in import confirm_first
from .forms import FormParts, in_words, render_form, retry_later
from .sentences import TOO_BUSY, TOO_MANY_MAILS, WRONG_PASSWORD


@dataclass(frozen=True)
class AccountDeletionParts(FormParts, ConfirmingParts, DeletionParts):
    """The parts of the form, and those to compare the password and to delete the account."""

    session_fresh_max_age: timedelta


async def show(
    request: Request,
    parts: AccountDeletionParts,
    current: Current,
    error: str | None,
    status: int,
    wrong_field: str | None = None,
) -> Response:
    return render_form(
        request,
        parts,
        "account_deletion",
        None,
        session_id=current.session.id,
        status=status,
        error=error,
        wrong_field=wrong_field,
        account=current.account,
        asks_password=await _has_password(parts, current),
        has_mail=parts.outbox.is_on,
    )


async def submit(
    request: Request, parts: AccountDeletionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """Delete the account. An account without a password needs a recent sign-in instead."""
    try:
        if form.get("by") == "mail" and parts.outbox.is_on:
            await request_deletion(request, parts, current, now)
            return see_other("/account", done="delete")
        if await _has_password(parts, current):
            await confirm_password(request, parts, now, current.account, form.get("password") or "")
        elif not is_recent(current.session.authenticated_at, within=parts.session_fresh_max_age, now=now):
            return confirm_first("delete")
    except WrongPassword:
        return await show(request, parts, current, WRONG_PASSWORD, 403, "password")
    except TooManyAttempts as held:
        error = Sentence(TOO_MANY_MAILS, wait=in_words(held.retry_after))
        return retry_later(await show(request, parts, current, error, 429), held.retry_after)
    except TooBusy:
        return retry_later(await show(request, parts, current, TOO_BUSY, 429), passwords.RETRY_AFTER)
    await delete_account(request, parts, current, now)
    return see_other("/account", deleted="yes")


def show_deleted(request: Request) -> Response:
    """What a browser sees after the deletion. Nothing here says whose account it was."""
    return render_page(request, "account_deleted")


async def _has_password(parts: AccountDeletionParts, current: Current) -> bool:
    async with parts.database.reading() as session:
        return await find_password_hash(session, current.account.id) is not None
