"""What setting up a second factor shows, for a person who is signed in and in the middle of a sign-in alike."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from ...accounts.accounts import Account
from ...accounts.factors import totp
from ...accounts.passwords import RETRY_AFTER
from ...http.browsers import NOBODY
from ...http.pages import AUTHORIZE, HANDLE
from ...http.pending_requests import PendingParts, PendingRequest
from ...limits.attempts import TooManyAttempts
from ...oauth.parameters import Parameters
from ...signing_in.second_factor import Code, FactorParts
from .after_sign_in import WayBackParts, callback_of
from .forms import CALLBACK, FormParts, render_form, retry_later
from .qr_codes import draw

WRONG_CODE = "This code is not valid. Enter the newest one that the app shows; each works once."


@dataclass(frozen=True)
class FactorFormParts(FormParts, PendingParts, FactorParts, WayBackParts):
    """The parts to show a form about a pending request, and to change a second factor."""


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a form: in which field, and in words."""

    field: str
    text: str
    status: int = 403
    retry: TooManyAttempts | None = None


@dataclass(frozen=True)
class Whose:
    """Whose form it is, and what waits for it."""

    account: Account
    pending: PendingRequest | None
    session_id: str = NOBODY


def show_secret(
    request: Request, parts: FactorFormParts, whose: Whose, secret: str, wrong: Wrong | None = None
) -> Response:
    uri = totp.uri_of(secret, issuer=parts.factor_checks.product, account=whose.account.email)
    groups = " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
    shown = {"secret": secret, "groups": groups, "qr": draw(uri), "uri": uri}
    return show_form(request, parts, "factor_secret", whose, wrong, **shown)


def show_codes(request: Request, parts: FactorFormParts, whose: Whose, codes: list[str]) -> Response:
    """The recovery codes, and the way on: to the application that the person came from, or to the account."""
    callback = callback_of(request, parts) or "/account"
    back = f"{AUTHORIZE}?{HANDLE}={whose.pending.handle}" if whose.pending else callback
    return render_form(request, parts, "factor_codes", None, codes=codes, back=back)


def show_form(
    request: Request, parts: FactorFormParts, name: str, whose: Whose, wrong: Wrong | None, **context: Any
) -> Response:
    callback = callback_of(request, parts)
    response = render_form(
        request,
        parts,
        name,
        whose.pending,
        session_id=whose.session_id,
        status=wrong.status if wrong else 200,
        account=whose.account,
        is_waiting=whose.session_id == NOBODY,
        error=wrong.text if wrong else None,
        wrong_field=wrong.field if wrong else None,
        kept={CALLBACK: callback} if callback else {},
        **context,
    )
    if wrong is not None and wrong.status == 429:
        retry_later(response, wrong.retry.retry_after if wrong.retry else RETRY_AFTER)
    return response


async def find_shown_secret(parts: FactorFormParts, account: Account, form: Parameters) -> str | None:
    """The secret that the form before has shown. Only who has it is shown it again."""
    secret = form.get("secret") or ""
    async with parts.database.reading() as session:
        return secret if secret and await parts.factor_checks.apps.find_secret(session, account.id) == secret else None


def code_of(form: Parameters) -> Code:
    """What was typed. An app shows its six digits in two groups, and people type the space."""
    return Code("".join((form.get("code") or "").split()))
