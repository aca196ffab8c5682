"""The refresh token grant (RFC 6749 §6; GRANTS.md)."""

from dataclasses import dataclass

from ...http.parts import given
from ...oauth import scope
from ...oauth.errors import InvalidGrant
from ...oauth.metadata_values import REFRESH_TOKEN
from ...tokens.holders import Held
from ...tokens.refresh_tokens import RefreshTokenFamily, RefreshTokens, Standing, standing_of
from . import redemption
from .messages import TokenRequest, TokenResponse
from .redemption import RedemptionParts

GRANT_TYPE = REFRESH_TOKEN
PARAMETERS = ("refresh_token", "scope")


@dataclass(frozen=True)
class RefreshParts(RedemptionParts):
    refresh_tokens: RefreshTokens


async def redeem(request: TokenRequest) -> TokenResponse:
    """Trade a refresh token for an access token and the next refresh token.

    Tokens of every client rotate, not only of public clients (RFC 9700 §4.14.2), so there is one path to test. A spent
    token that its client presents again may have been stolen, and we cannot tell which request was the client's. So the
    whole grant ends. A token that another client presents changes nothing.

    There is one exception, for a client that lost the response or sent two requests at once: for a minute, and while
    the successor is unspent, its immediate parent is answered with that same successor.

    A token of a client with the profile fapi2 is bound to the client and to its key, and stays the same (FAPI 2.0
    Security Profile §5.3.2.1).

    Raises:
        InvalidGrant
        InvalidScope, InvalidTarget: the request names more than was granted. The token is not spent.
    """
    parts = given(request.http, RefreshParts)
    token = request.parameters.require("refresh_token")
    answer = await _trade(request, parts, token)
    if answer is None:  # a parallel request rotated the token: read again, it is the successor's parent
        answer = await _trade(request, parts, token, is_first_try=False)
    if answer is None:
        raise InvalidGrant("The refresh token has been used.", reason="the successor cannot be decrypted")
    return answer


async def _trade(
    request: TokenRequest, parts: RefreshParts, token: str, *, is_first_try: bool = True
) -> TokenResponse | None:
    """Check the token and answer with its successor. None if a parallel request spent the token meanwhile.

    None also if the successor cannot be decrypted, because its secret is no longer configured.
    """
    held = await parts.refresh_tokens.find(token)
    if held is None:
        raise InvalidGrant(redemption.not_yours("refresh token"))
    standing = await _check(request, parts, held, token)
    target = await redemption.choose_target(request, parts, held, _narrow(request, held))
    if request.proof is not None and is_first_try:
        await parts.dpop_proofs.spend(request.proof)
    if standing is Standing.CURRENT and request.client.registration.is_fapi2:
        successor = await parts.refresh_tokens.keep(held.authorized, token, now=request.now)
    elif standing is Standing.CURRENT:
        successor = await parts.refresh_tokens.rotate(held.authorized, token, now=request.now)
    else:
        successor = parts.refresh_tokens.successor_of(held.authorized)
    if successor is None:
        return None
    return await redemption.respond(request, parts, held, target, refresh_token=successor, nonce=None)


async def _check(request: TokenRequest, parts: RefreshParts, held: Held[RefreshTokenFamily], token: str) -> Standing:
    family, holder, now = held.authorized, held.holder, request.now
    redemption.check_client(request, held, "refresh token")
    redemption.check_key(request, family.dpop_jkt, "refresh token")
    standing = standing_of(family, token, now=now)
    if standing is Standing.SPENT:
        raise await redemption.end_for_reuse(parts, held, request, "refresh token")
    if family.expires_at is not None and family.expires_at <= now:
        raise InvalidGrant("The refresh token has expired.")
    if not holder.is_live(now=now):
        raise InvalidGrant(redemption.ENDED)
    return standing


def _narrow(request: TokenRequest, held: Held[RefreshTokenFamily]) -> tuple[str, ...]:
    """The requested scopes, out of those that were granted and are still registered (RFC 6749 §6).

    `offline_access` is always kept: an access token needs it to name its offline grant.
    """
    kept = redemption.granted_scopes(request, held)
    asked = set(scope.narrow(kept, request.parameters.get("scope")))
    return tuple(token for token in kept if token in asked or token == scope.OFFLINE_ACCESS)
