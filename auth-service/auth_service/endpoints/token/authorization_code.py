"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ...grants import grants
from ...http.parts import given
from ...oauth import pkce
from ...oauth.errors import InvalidGrant
from ...oauth.interaction import longest_age
from ...oauth.metadata_values import AUTHORIZATION_CODE, REFRESH_TOKEN
from ...tokens import authorization_codes
from ...tokens.authorization_codes import AuthorizationCode
from ...tokens.holders import Held
from ...tokens.refresh_tokens import RefreshTokens
from . import redemption
from .messages import TokenRequest, TokenResponse
from .redemption import RedemptionParts

GRANT_TYPE = AUTHORIZATION_CODE
PARAMETERS = ("code", "redirect_uri", "code_verifier")


@dataclass(frozen=True)
class CodeParts(RedemptionParts):
    refresh_tokens: RefreshTokens


async def redeem(request: TokenRequest) -> TokenResponse:
    """Trade a code for tokens, once.

    A code is used by a request of its own client with its redirect_uri and its verifier. A second such request means
    that the code may have been stolen, and we cannot tell which of the two was the client's. So the grant ends with all
    its tokens (§4.1.2). Any other request could not have got tokens, so it ends nothing: an attacker who has found
    a code, in a log for example, must not be able to sign its person out. It leaves an unused code usable.

    Raises:
        InvalidRequest: the code or the redirect_uri is missing.
        InvalidGrant, InvalidTarget, InvalidScope
    """
    parts = given(request.http, CodeParts)
    answer = await _trade(request, parts)
    if answer is None:  # an API was withdrawn from the code meanwhile: read it again
        answer = await _trade(request, parts, is_first_try=False)
    if answer is None:
        raise InvalidGrant(redemption.ENDED, reason="what the code grants changed twice")
    return answer


async def _trade(request: TokenRequest, parts: CodeParts, *, is_first_try: bool = True) -> TokenResponse | None:
    """Check the code and redeem it. None if what it grants has changed meanwhile."""
    code, redirect_uri = request.parameters.require("code"), request.parameters.require("redirect_uri")
    held = await authorization_codes.find(parts.database, code)
    if held is None:
        raise InvalidGrant(redemption.not_yours("code"))
    redemption.check_client(request, held, "code")
    redemption.check_key(request, held.authorized.dpop_jkt, "code")
    _check_binding(request, held.authorized, redirect_uri)
    if held.authorized.redeemed_at is not None:
        raise await redemption.end_for_reuse(parts, held, request, "code")
    _check_life(held, request.now)
    target = await redemption.choose_target(request, parts, held, redemption.granted_scopes(request, held))
    if request.proof is not None and is_first_try:
        await parts.dpop_proofs.spend(request.proof)
    is_first, refresh_token = await parts.database.transact(_spend, request, parts, held)
    if not is_first:
        found = await authorization_codes.find(parts.database, code)
        if found is None or found.authorized.redeemed_at is None:  # nobody has used it: what it grants has changed
            return None
        raise await redemption.end_for_reuse(parts, held, request, "code")
    nonce = held.authorized.nonce
    return await redemption.respond(request, parts, held, target, refresh_token=refresh_token, nonce=nonce)


async def _spend(
    session: AsyncSession, request: TokenRequest, parts: CodeParts, held: Held[AuthorizationCode]
) -> tuple[bool, str | None]:
    """Redeem the code. Returns whether this is its first use, and the refresh token, if the client gets one."""
    if not await grants.hold(session, held.authorized.grant_id):
        raise InvalidGrant(redemption.ENDED)
    if not await authorization_codes.redeem(session, held.authorized, now=request.now):
        return False, None
    if REFRESH_TOKEN not in request.client.registration.grant_types:
        return True, None
    registered = request.client.registration
    jkt = request.jkt if registered.is_public or registered.is_fapi2 else None  # others are bound to their client
    return True, await parts.refresh_tokens.issue(session, held, dpop_jkt=jkt, now=request.now)


def _check_binding(request: TokenRequest, code: AuthorizationCode, redirect_uri: str) -> None:
    """Raises InvalidGrant unless the request has the redirect_uri and the PKCE verifier that the code is bound to."""
    challenge, verifier = code.code_challenge, request.parameters.get("code_verifier")
    faults = {
        "The redirect_uri differs from that of the authorization request.": code.redirect_uri != redirect_uri,
        "The code_verifier is missing: the authorization request had a code_challenge.": verifier is None
        and challenge is not None,
        "There is a code_verifier, and the authorization request had no code_challenge.": challenge is None
        and verifier is not None,
        "The code_verifier does not fit the code_challenge.": not pkce.verify(challenge, verifier),
        "This client must use PKCE: the authorization request had no code_challenge.": challenge is None
        and request.client.registration.insists_on_pkce,
    }
    _refuse_first_of(faults)


def _check_life(held: Held[AuthorizationCode], now: datetime) -> None:
    """Raises InvalidGrant if the code, its grant or its session has ended, or the sign-in is older than `max_age`.

    The session must be live even for an offline grant, because such a grant begins only now.
    """
    code = held.authorized
    is_old = code.max_age is not None and now - code.auth_time > longest_age(code.max_age)
    faults = {
        "The code has expired.": code.expires_at <= now,
        "The sign-in is older than the max_age of the authorization request. Redeem a code at once.": is_old,
        redemption.ENDED: not held.holder.is_live(now=now) or not held.holder.has_session(now=now),
    }
    _refuse_first_of(faults)


def _refuse_first_of(faults: Mapping[str, bool]) -> None:
    for description, is_so in faults.items():
        if is_so:
            raise InvalidGrant(description)
