"""Trading a code for tokens, once: an authorization code, or the one that was issued for an allowed device code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ...oauth.errors import InvalidGrant
from ...oauth.interaction import longest_age
from ...oauth.metadata_values import REFRESH_TOKEN
from ...store.together import send
from ...tokens import authorization_codes
from ...tokens.authorization_codes import AuthorizationCode
from ...tokens.holders import Held
from ...tokens.refresh_tokens import RefreshTokens
from . import redemption
from .messages import TokenRequest, TokenResponse
from .redemption import RedemptionParts


@dataclass(frozen=True)
class CodeParts(RedemptionParts):
    refresh_tokens: RefreshTokens


@dataclass(frozen=True)
class CodeTrade:
    """One request that redeems a code."""

    request: TokenRequest
    parts: CodeParts
    code: str
    credential: str  # the code's name in refusals
    check_binding: Callable[[TokenRequest, AuthorizationCode], None]  # raises InvalidGrant

    async def run(self) -> TokenResponse:
        """The tokens. Raises InvalidGrant, InvalidTarget, InvalidScope."""
        answer = await self._trade()
        if answer is None:  # an API was withdrawn from the code meanwhile: read it again
            answer = await self._trade(is_first_try=False)
        if answer is None:
            raise InvalidGrant(redemption.ENDED, reason="what the code grants changed twice")
        return answer

    async def _trade(self, *, is_first_try: bool = True) -> TokenResponse | None:
        """Check the code and redeem it. None if what it grants has changed meanwhile."""
        request, parts = self.request, self.parts
        held = await authorization_codes.find(parts.database, self.code)
        if held is None:
            raise InvalidGrant(redemption.not_yours(self.credential))
        redemption.check_client(request, held, self.credential)
        redemption.check_key(request, held.authorized.dpop_jkt, self.credential)
        self.check_binding(request, held.authorized)
        if held.authorized.redeemed_at is not None:
            raise await redemption.end_for_reuse(parts, held, request, self.credential)
        _check_life(held, request.now)
        target = await redemption.choose_target(request, parts, held, redemption.granted_scopes(request, held))
        if request.proof is not None and is_first_try:
            await parts.dpop_proofs.spend(request.proof)
        is_first, refresh_token = await _redeem(request, parts, held)
        if not is_first:
            found = await authorization_codes.find(parts.database, self.code)
            if found is None or found.authorized.redeemed_at is None:  # nobody has used it: its grant has changed
                return None
            raise await redemption.end_for_reuse(parts, held, request, self.credential)
        nonce = held.authorized.nonce
        return await redemption.respond(request, parts, held, target, refresh_token=refresh_token, nonce=nonce)


async def _redeem(request: TokenRequest, parts: CodeParts, held: Held[AuthorizationCode]) -> tuple[bool, str | None]:
    """Redeem the code. Returns whether this is its first use, and the refresh token, if the client gets one."""
    if REFRESH_TOKEN not in request.client.registration.grant_types:
        return await authorization_codes.redeem(parts.database, held.authorized, now=request.now), None
    return await parts.database.transact(_redeem_with_refresh, request, parts, held)


async def _redeem_with_refresh(
    session: AsyncSession, request: TokenRequest, parts: CodeParts, held: Held[AuthorizationCode]
) -> tuple[bool, str | None]:
    """The same in one transaction, for a client that gets a refresh token."""
    redeemed = await send(session, {"code": authorization_codes.redeeming(held.authorized, now=request.now)})
    if not redeemed["code"]:
        return False, None
    registered = request.client.registration
    jkt = request.jkt if registered.is_public or registered.is_fapi2 else None  # others are bound to their client
    return True, await parts.refresh_tokens.issue(session, held, dpop_jkt=jkt, now=request.now)


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
    refuse_first_of(faults)


def refuse_first_of(faults: Mapping[str, bool]) -> None:
    for description, is_so in faults.items():
        if is_so:
            raise InvalidGrant(description)
