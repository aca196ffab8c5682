"""Shared by codes and refresh tokens: the token response, and ending a grant whose credential is reused."""

from collections.abc import Collection
from dataclasses import dataclass

from ...grants import grants
from ...grants.grants import Authorized
from ...http.parts import Given
from ...oauth.errors import InvalidGrant, InvalidTarget
from ...oauth.scope import OPENID
from ...store.database import Database
from ...telemetry.counts import RequestCounts
from ...telemetry.logs import audit
from ...tokens.holders import Held
from ...tokens.issuer import TokenIssuer
from ...tokens.token_status import TokenStatus
from .messages import TokenRequest, TokenResponse


@dataclass(frozen=True)
class RedemptionParts(Given):
    database: Database
    counts: RequestCounts
    token_status: TokenStatus
    tokens: TokenIssuer


async def respond(
    request: TokenRequest,
    parts: RedemptionParts,
    held: Held[Authorized],
    scopes: Collection[str],
    *,
    refresh_token: str | None,
    nonce: str | None,
) -> TokenResponse:
    """The token response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3 and §12.2).

    Raises:
        InvalidGrant: the grant has just ended.
    """
    scope, registered, now = " ".join(scopes), request.client.registration.scope, request.now
    status = await parts.token_status.of_grant(held.holder.grant, now=now)
    if status is None:
        raise InvalidGrant(reason="ended grant")
    access_token = parts.tokens.issue_for_grant(held, scope, status, registered=registered, now=now)
    id_token = None
    if OPENID in scopes:
        id_token = parts.tokens.issue_id_token(held, access_token, nonce=nonce, registered=registered, now=now)
    return TokenResponse(
        access_token=access_token,
        expires_in=int(parts.tokens.access_token_ttl.total_seconds()),
        refresh_token=refresh_token,
        id_token=id_token,
        scope=scope or None,
    )


def check_resource(request: TokenRequest, held: Held[Authorized]) -> None:
    """Raises InvalidTarget if the request names a resource other than the authorized one (RFC 8707 §2.2)."""
    if not set(request.parameters.all("resource")) <= {held.authorized.resource}:
        raise InvalidTarget("The resource is not the one that was authorized.")


async def end_for_reuse(
    parts: RedemptionParts, held: Held[Authorized], request: TokenRequest, credential: str
) -> InvalidGrant:
    """End the grant, commit, and return the refusal. Raised inside the transaction, it would undo the end."""
    grant = held.holder.grant
    async with parts.database.writing() as session:
        ended = await grants.end(session, grant.id, now=request.now)
    if ended:
        audit(
            "grant_ended_for_reuse",
            credential=credential,
            grant_id=grant.id,
            account_id=grant.account_id,
            client_id=grant.client_id,
            shown_by=request.client.client_id,
        )
        counted = parts.counts.refresh_reuse if credential == "refresh token" else parts.counts.code_reuse
        counted.add()
    return InvalidGrant(reason=f"{credential} shown again; grant {grant.id} ended")
