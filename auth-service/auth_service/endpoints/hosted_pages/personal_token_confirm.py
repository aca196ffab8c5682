"""A person who makes a token for scripts proves again who they are: by a passkey, or by the password and the code."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ...http.current_session import Current
from ...oauth.authentication_context import MULTIPLE, OTP, PASSWORD
from ...oauth.parameters import Parameters
from ...sessions.browser_sessions import BrowserSession
from ...signing_in.guessing import WrongPassword
from ...signing_in.passkey_sign_in import PasskeySignInParts
from ...signing_in.reauthenticating import ReauthenticationParts, ShownAgain, reauthenticate
from ...signing_in.required_factors import is_required
from ...signing_in.second_factor import WrongCode
from ...signing_in.signed_in_factor import NotEnabled
from . import signin_passkey
from .factor_forms import WRONG_CODE, code_of
from .sentences import WRONG_CURRENT_PASSWORD
from .signin_passkey import PasskeyRefused

NEEDS_FACTOR = "Your account has to have a second factor. Set one up first, at Your account, or use a passkey."


@dataclass(frozen=True)
class TokenConfirmParts(ReauthenticationParts, PasskeySignInParts):
    """The parts to compare a password, to check a code, and to check a passkey's answer."""


class NotConfirmed(Exception):
    """The text is for the person."""


IN_WORDS: dict[type[Exception], str] = {
    WrongPassword: WRONG_CURRENT_PASSWORD,
    WrongCode: WRONG_CODE,
    NotEnabled: WRONG_CODE,
}


async def confirm(
    request: Request, parts: TokenConfirmParts, current: Current, form: Parameters, now: datetime
) -> tuple[str, ...]:
    """How the person has proved who they are: as in `amr`, without `mfa`, because a script proves no second factor.

    The session counts as newly authenticated.

    Raises:
        NotConfirmed, NotSignedIn, TooManyAttempts, TooBusy
    """
    try:
        if form.get(signin_passkey.FIELD):
            await signin_passkey.submit(request, parts, form, current, now, confirms=True)
            return await _find_methods(parts, current)
        await reauthenticate(request, parts, now, current, ShownAgain(form.get("password") or "", code_of(form)))
    except PasskeyRefused as refused:
        raise NotConfirmed(refused.text) from None
    except tuple(IN_WORDS) as refused:
        raise NotConfirmed(IN_WORDS[type(refused)]) from None
    if current.account.second_factor_at is not None:
        return PASSWORD, OTP
    async with parts.database.reading() as session:
        if await is_required(session, parts.factor_checks, current.account.id):
            raise NotConfirmed(NEEDS_FACTOR)
    return (PASSWORD,)


async def _find_methods(parts: TokenConfirmParts, current: Current) -> tuple[str, ...]:
    """How the session's person was authenticated last; `current` may be older."""
    async with parts.database.reading() as session:
        stored = await session.get(BrowserSession, current.session.id)
    return () if stored is None else tuple(each for each in stored.methods if each != MULTIPLE)
