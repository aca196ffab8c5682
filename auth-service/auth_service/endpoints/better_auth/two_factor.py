"""POST /two-factor/verify-totp and /verify-backup-code: a code to complete a sign-in, or to prove it again.

Codes by mail (send-otp, verify-otp) are not offered: who reads the mail can set a new password, and would then have
both factors.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Request
from pydantic import StringConstraints

from ...accounts.factors.recovery_codes import MAX_LENGTH
from ...http.current_session import find_current_if_clear
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
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
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal, TooManyRequests, unauthorized
from .routes import new_router
from .wire import UserView, Wire

router = new_router()
RESPONSES = bodies.refuses(*BODY_REFUSALS, 401, 429)


@dataclass(frozen=True)
class VerifyParts(BodyParts, FactorParts):
    """The parts to read a body and to check a code."""


class OneCode(bodies.Body):
    code: Annotated[str, StringConstraints(max_length=MAX_LENGTH)]
    trust_device: bool = False


class Verified(Wire):
    token: str
    user: UserView


@router.post("/two-factor/verify-totp", openapi_extra=bodies.document(OneCode), responses=RESPONSES)
async def verify_totp(request: Request, now: Now) -> Verified:
    """Complete a sign-in by a code of the authenticator app. For a signed-in caller: turn it on, or prove it again."""
    return await _verify(request, now, is_recovery_code=False)


@router.post("/two-factor/verify-backup-code", openapi_extra=bodies.document(OneCode), responses=RESPONSES)
async def verify_backup_code(request: Request, now: Now) -> Verified:
    """The same by a recovery code, which is used up."""
    return await _verify(request, now, is_recovery_code=True)


@router.post("/two-factor/send-otp", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def send_otp(request: Request) -> Verified:
    """Always refused: no codes are sent by mail."""
    await bodies.receive(request, bodies.NoMembers, given(request, VerifyParts))
    raise no_otp()


@router.post("/two-factor/verify-otp", openapi_extra=bodies.document(OneCode), responses=RESPONSES)
async def verify_otp(request: Request) -> Verified:
    """Always refused: no codes are sent by mail."""
    await bodies.receive(request, OneCode, given(request, VerifyParts))
    raise no_otp()


def no_otp() -> Refusal:
    return Refusal(400, "OTP_NOT_ENABLED", "OTP not enabled")


async def _verify(request: Request, now: Now, *, is_recovery_code: bool) -> Verified:
    """A waiting sign-in goes before the session: its cookie lasts for minutes, and was made later."""
    parts = given(request, VerifyParts)
    asked = await bodies.receive(request, OneCode, parts)
    code = Code(asked.code, is_recovery_code=is_recovery_code, trusts_browser=asked.trust_device)
    wrong = ("INVALID_BACKUP_CODE", "Invalid backup code") if is_recovery_code else ("INVALID_CODE", "Invalid code")
    current = await find_current_if_clear(request, parts, now)
    try:
        if current is None or await find_challenge(request, parts, now) is not None:
            account, session = await complete_sign_in(request, parts, now, code)
            return Verified(token=session.token, user=UserView.of(account))
        account = await prove(request, parts, now, current, code)
    except WrongCode:
        raise Refusal(401, *wrong) from None
    except NoChallenge:
        raise Refusal(401, "INVALID_TWO_FACTOR_COOKIE", "Invalid two factor cookie") from None
    except ChallengeSpent:
        text = "Too many attempts. Please request a new code."
        raise Refusal(400, "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE", text) from None
    except TooManyAttempts as held:
        raise TooManyCodes(held.retry_after) from None
    except AccountSuspended:
        raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended") from None
    except NotEnabled:
        raise not_enabled(is_recovery_code=is_recovery_code) from None
    except NotSignedIn:
        raise unauthorized() from None
    parts.session_cookies.set(request, current.session, now=now)
    return Verified(token=current.session.token, user=UserView.of(account))


class TooManyCodes(TooManyRequests):
    """The account's codes are held back, also right ones."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(retry_after, reason="too many codes")
        self.code, self.message = "ACCOUNT_TEMPORARILY_LOCKED", "Too many codes were tried. Please try again later."


def not_enabled(*, is_recovery_code: bool) -> Refusal:
    if is_recovery_code:
        return Refusal(400, "BACKUP_CODES_NOT_ENABLED", "Backup codes aren't enabled")
    return Refusal(400, "TOTP_NOT_ENABLED", "TOTP not enabled")
