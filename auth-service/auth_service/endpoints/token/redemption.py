"""Shared by codes and refresh tokens: whose they are, the token response, and ending a grant after reuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...audit.trail import recorded
from ...clients.own_registrations import apis_for
from ...grants import grants
from ...grants.grants import Authorized
from ...http.dpop import DPoPParts
from ...oauth import audiences, claims
from ...oauth.audiences import Audience
from ...oauth.client_metadata import ClientMetadata
from ...oauth.errors import InvalidGrant
from ...oauth.metadata_values import MINIMAL
from ...oauth.scope import OFFLINE_ACCESS, OPENID
from ...resources.cache import ResourceCache
from ...roles.held import find_held
from ...store.database import Database
from ...telemetry.counts import RequestCounts
from ...tokens import person_claims
from ...tokens.holders import Held, is_unchanged
from ...tokens.issuer import TokenIssuer
from ...tokens.token_status import TokenStatus
from .messages import TokenRequest, TokenResponse

ENDED = "The grant or the session of the person has ended. The person has to sign in again."


def not_yours(credential: str) -> str:
    """One description for an unknown credential and for another client's: whether it exists is not said."""
    return f"This client has no such {credential}."


@dataclass(frozen=True)
class RedemptionParts(DPoPParts):
    database: Database
    counts: RequestCounts
    token_status: TokenStatus
    tokens: TokenIssuer
    resources: ResourceCache


@dataclass(frozen=True)
class TokenTarget:
    """What an access token is for. Of the `granted` scopes it carries only those of its audience."""

    audience: Audience
    scope: str
    granted: tuple[str, ...]


async def respond(
    request: TokenRequest,
    parts: RedemptionParts,
    held: Held[Authorized],
    target: TokenTarget,
    *,
    refresh_token: str | None,
    nonce: str | None,
) -> TokenResponse:
    """The token response (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3 and §12.2).

    Raises:
        InvalidGrant: the grant has just ended.
    """
    registered, now = request.client.registration.scope, request.now
    grant = held.holder.grant
    before = grant.status_list_id, grant.status_index
    status = await parts.token_status.of_grant(grant, now=now)
    if status is None:
        raise InvalidGrant(ENDED)
    # Withdrawing an API revokes the index that the grant has then. A new index must not outlive it.
    if (grant.status_list_id, grant.status_index) != before and not await is_unchanged(parts.database, held):
        raise InvalidGrant(ENDED, reason="an API was withdrawn a moment ago")
    api = target.audience.identifier if target.audience.names_roles else None
    roles = await find_held(parts.database, grant.account_id, api, groups=target.audience.names_groups)
    access_token = parts.tokens.issue_for_grant(
        held, target.audience, target.scope, status, roles, registered=registered, jkt=request.jkt, now=now
    )
    id_token = None
    if OPENID in target.granted:
        registration = request.client.registration
        person = await _describe_person(registration, parts, held, target)
        alg = registration.id_token_signed_response_alg
        id_token = parts.tokens.issue_id_token(held, access_token, nonce=nonce, person=person, alg=alg, now=now)
    return TokenResponse(
        access_token=access_token,
        expires_in=int(parts.tokens.ttl_of(target.audience).total_seconds()),
        refresh_token=refresh_token,
        id_token=id_token,
        scope=target.scope or None,
    )


async def _describe_person(
    registration: ClientMetadata, parts: RedemptionParts, held: Held[Authorized], target: TokenTarget
) -> Mapping[str, Any]:
    """Claims about the person for the ID token: those that the granted scopes allow, and those requested by name."""
    told = () if registration.id_token_claims == MINIMAL else target.granted
    asked = claims.asked_for(held.authorized.claims, claims.ID_TOKEN, registration.scope)
    names, api = claims.names_for(told, asked), registration.default_resource
    account = held.holder.account
    roles = await person_claims.find_held_by_person(parts.database, account, names, api)
    return person_claims.describe_in_id_token(account, names, roles, api=api)


def granted_scopes(request: TokenRequest, held: Held[Authorized]) -> tuple[str, ...]:
    """The scopes that were granted and are still registered: a client may have lost some since.

    `offline_access` is always kept: an access token needs it to name its offline grant.
    """
    registered = request.client.registration.scope
    return tuple(token for token in held.authorized.scopes if token in registered or token == OFFLINE_ACCESS)


def check_client(request: TokenRequest, held: Held[Authorized], credential: str) -> None:
    """Raises InvalidGrant if the credential is another client's.

    This comes before any judgement of reuse. Otherwise every client could end the grants of all others, with a code or
    an old token that it has found. The log has the grant, because its credential has leaked.
    """
    grant = held.holder.grant
    if grant.client_id != request.client.client_id:
        raise InvalidGrant(not_yours(credential), reason=f"another client's {credential}, of grant {grant.id}")


def check_key(request: TokenRequest, jkt: str | None, credential: str) -> None:
    """Raises InvalidGrant unless the request proves the key that the credential is bound to, if it is (RFC 9449 §5).

    As with another client's credential, this comes before any judgement of reuse.
    """
    if jkt not in (None, request.jkt):
        raise InvalidGrant(f"The {credential} is bound to a key, and the request has no DPoP proof of that key.")


async def choose_target(
    request: TokenRequest, parts: RedemptionParts, held: Held[Authorized], scopes: tuple[str, ...]
) -> TokenTarget:
    """The audience of the access token, out of the granted ones (RFC 8707 §2.2), and its part of the scopes.

    Raises:
        InvalidTarget, InvalidScope: nothing has been spent yet.
    """
    asked = request.parameters.all("resource")
    resources = apis_for(request.client, await parts.resources.naming(asked, None, now=request.now))
    named = None if request.parameters.get("scope") is None else scopes
    registration = request.client.registration
    default = registration.default_resource
    may = resources.open_to(registration.scope, default)  # now, which may be less than when it was granted
    granted = [audience for audience in held.authorized.audiences if audience in may]
    chosen = audiences.choose(resources, asked, named, granted=granted, default=default)
    return TokenTarget(resources.audience(chosen), " ".join(resources.of_audience(chosen, scopes)), scopes)


async def end_for_reuse(
    parts: RedemptionParts, held: Held[Authorized], request: TokenRequest, credential: str
) -> InvalidGrant:
    """End the grant, commit, and return the refusal. Raised inside the transaction, it would undo the end."""
    grant = held.holder.grant
    end = recorded(
        grants.end,
        "grant_ended_for_reuse",
        at=request.now,
        if_=bool,
        account_id=grant.account_id,
        client_id=grant.client_id,
        facts=lambda _: {"grant_id": grant.id, "credential": credential},
    )
    if await parts.database.transact(end, grant.id, now=request.now):
        counted = parts.counts.refresh_reuse if credential == "refresh token" else parts.counts.code_reuse
        counted.add()
    return InvalidGrant(
        f"The {credential} has been used before, so its grant has ended with all its tokens.",
        reason=f"{credential} shown again; grant {grant.id} ended",
    )
