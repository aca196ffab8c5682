"""POST /two-factor/enable, /get-totp-uri, /generate-backup-codes and /disable: a person changes their second factor.

Each asks for the password. What a second factor protects is changed by nobody who lacks it: once it is on, these calls
need a session that has proved it in the last five minutes (verify-totp does so). The original asks for the password
alone, so a thief of it and of a session could turn the second factor off.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from pydantic import Field

from ...accounts.factors import totp
from ...accounts.factors.totp_factors import AlreadyEnabled
from ...http.current_session import Current
from ...http.parts import Now, given
from ...signing_in.guessing import place_in_queue
from ...signing_in.second_factor import FactorParts
from ...signing_in.signed_in_factor import NotEnabled, begin_app, is_fresh, replace_recovery_codes, turn_off
from . import bodies, credentials
from .bodies import BODY_REFUSALS
from .current import require_current
from .password_change import OnePassword, PasswordParts, confirm_password
from .refusals import Refusal
from .routes import new_router
from .two_factor import no_otp, not_enabled
from .wire import Done, Wire

router = new_router()
RESPONSES = bodies.refuses(*BODY_REFUSALS, 401, 403, 429)
TOTP = "totp"


@dataclass(frozen=True)
class ChangeParts(PasswordParts, FactorParts):
    """The parts to compare a password and to change a second factor."""


class Enable(bodies.Body):
    password: str
    method: str = TOTP
    issuer: credentials.Name = ""


class Enabling(Wire):
    method: str
    totp_uri: str = Field(alias="totpURI")
    backup_codes: list[str]


class TotpUri(Wire):
    totp_uri: str = Field(alias="totpURI")


class BackupCodes(Wire):
    status: bool
    backup_codes: list[str]


@router.post("/two-factor/enable", openapi_extra=bodies.document(Enable), responses=RESPONSES)
async def enable(request: Request, now: Now) -> Enabling:
    """Draw a secret and recovery codes. The second factor is on after the first code (verify-totp)."""
    parts = given(request, ChangeParts)
    asked = await bodies.receive(request, Enable, parts)
    current = await require_current(request, parts, now)
    if asked.method != TOTP:
        raise no_otp()
    await _confirm(request, parts, now, current, asked.password)
    try:
        begun = await begin_app(parts, current.account.id, now)
    except AlreadyEnabled:
        raise Refusal(400, "TOTP_ALREADY_ENABLED", "TOTP is already enabled") from None
    uri = totp.uri_of(begun.secret, issuer=asked.issuer or parts.factor_checks.product, account=current.account.email)
    return Enabling(method=TOTP, totpURI=uri, backup_codes=begun.recovery_codes)


@router.post("/two-factor/get-totp-uri", openapi_extra=bodies.document(OnePassword), responses=RESPONSES)
async def get_totp_uri(request: Request, now: Now) -> TotpUri:
    """The secret again, for another authenticator app."""
    parts = given(request, ChangeParts)
    asked = await bodies.receive(request, OnePassword, parts)
    current = await require_current(request, parts, now)
    await _confirm(request, parts, now, current, asked.password)
    async with parts.database.reading() as session:
        secret = await parts.factor_checks.apps.find_secret(session, current.account.id)
    if secret is None:
        raise not_enabled(is_recovery_code=False)
    return TotpUri(totpURI=totp.uri_of(secret, issuer=parts.factor_checks.product, account=current.account.email))


@router.post("/two-factor/generate-backup-codes", openapi_extra=bodies.document(OnePassword), responses=RESPONSES)
async def generate_backup_codes(request: Request, now: Now) -> BackupCodes:
    """New recovery codes. All older ones work no longer."""
    parts = given(request, ChangeParts)
    asked = await bodies.receive(request, OnePassword, parts)
    current = await require_current(request, parts, now)
    await _confirm(request, parts, now, current, asked.password)
    try:
        codes = await parts.database.transact(replace_recovery_codes, request, parts, current, now)
    except NotEnabled:
        raise Refusal(400, "TWO_FACTOR_NOT_ENABLED", "Two factor isn't enabled") from None
    return BackupCodes(status=True, backup_codes=codes)


@router.post("/two-factor/disable", openapi_extra=bodies.document(OnePassword), responses=RESPONSES)
async def disable(request: Request, now: Now) -> Done:
    """Delete the authenticator app and the recovery codes: the password alone signs in."""
    parts = given(request, ChangeParts)
    asked = await bodies.receive(request, OnePassword, parts)
    current = await require_current(request, parts, now)
    await _confirm(request, parts, now, current, asked.password)
    try:
        await parts.database.transact(turn_off, request, parts, current, now)
    except NotEnabled:
        raise Refusal(400, "TWO_FACTOR_NOT_ENABLED", "Two factor isn't enabled") from None
    parts.session_cookies.set(request, current.session, now=now)
    return Done(status=True)


async def _confirm(request: Request, parts: ChangeParts, now: datetime, current: Current, password: str) -> None:
    """Compare the password; if there is a second factor, the session must have proved it a moment ago.

    Raises:
        Refusal: 400 for the password, 403 for the second factor.
        TooManyAttempts
    """
    with place_in_queue(request, parts.passwords) as place:
        _, attempt = await confirm_password(request, parts, now, place, current, password)
    async with parts.database.writing() as session:
        await parts.attempts.succeeded(session, attempt)
    if current.account.second_factor_at is not None and not is_fresh(current.session, now=now):
        text = "Enter a code first: this needs a second factor of the last five minutes (verify-totp)"
        raise Refusal(403, "SESSION_NOT_FRESH", text)
