"""Tokens that a client introspects or revokes: refresh tokens or access tokens (RFC 7009 §2.1, RFC 7662 §2.1)."""

from dataclasses import dataclass
from datetime import datetime

from .access_tokens import AccessTokenReader, InvalidToken, VerifiedToken
from .holders import Held
from .refresh_tokens import RefreshTokenFamily, RefreshTokens, Standing, standing_of


@dataclass(frozen=True)
class ShownRefreshToken:
    """A refresh token with its family and its state."""

    family: Held[RefreshTokenFamily]
    standing: Standing

    def is_live(self, *, now: datetime) -> bool:
        family, holder = self.family.authorized, self.family.holder
        has_expired = family.expires_at is not None and family.expires_at <= now
        return self.standing is Standing.CURRENT and not has_expired and holder.is_live(now=now)


async def find_token(
    text: str, refresh_tokens: RefreshTokens, access_tokens: AccessTokenReader, *, now: datetime
) -> ShownRefreshToken | VerifiedToken | None:
    """The token, of either kind. None: not ours, or an expired access token.

    The two kinds have different formats, so `token_type_hint` is ignored.
    """
    family = await refresh_tokens.find(text)
    if family is not None:
        return ShownRefreshToken(family, standing_of(family.authorized, text, now=now))
    try:
        return access_tokens.verify(text, now=now)
    except InvalidToken:
        return None
