"""Token introspection (RFC 7662), for the client that a token was issued to and for the resource in its `aud`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ..accounts.accounts import Account
from ..clients.clients import Client
from ..http import client_requests
from ..http.client_requests import ClientRequestParts
from ..http.direct_routes import DirectRoute
from ..http.oauth_requests import NO_STORE, REFUSALS, TOKEN_FORM, read_form
from ..http.parts import given
from ..oauth.access_token import USERINFO_CLAIMS
from ..oauth.claims import names_for
from ..oauth.dpop_proof import TOKEN_TYPE
from ..oauth.errors import InvalidClient
from ..oauth.metadata_members import one_or_list
from ..store.instants import Clock
from ..tokens import person_claims
from ..tokens.access_tokens import AccessTokenReader, VerifiedToken
from ..tokens.refresh_tokens import RefreshTokens
from ..tokens.shown_tokens import ShownRefreshToken, find_token

router = APIRouter(route_class=DirectRoute)
INACTIVE = {"active": False}  # nothing else: the caller must not learn whether the token ever existed (§2.2)


@dataclass(frozen=True)
class IntrospectParts(ClientRequestParts):
    issuer: str
    clock: Clock
    refresh_tokens: RefreshTokens
    access_tokens: AccessTokenReader


@router.post("/oauth/introspect", openapi_extra=TOKEN_FORM, responses=REFUSALS, response_model=dict[str, Any])
async def introspect(request: Request) -> Response:
    """Whether a token is live, and its claims. A public client is refused, as it cannot authenticate (§2.1)."""
    parts = given(request, IntrospectParts)
    now = parts.clock()
    parameters = await read_form(request)
    client = await client_requests.authenticate(request, parts, parameters, now=now)
    if client.registration.is_public:
        raise InvalidClient("A public client may not introspect tokens.", client_id=client.client_id)
    found = await find_token(parameters.require("token"), parts.refresh_tokens, parts.access_tokens, now=now)
    answer: Mapping[str, Any] = INACTIVE
    if isinstance(found, ShownRefreshToken) and found.family.holder.grant.client_id == client.client_id:
        answer = _describe_refresh_token(found, parts.issuer) if found.is_live(now=now) else INACTIVE
    elif isinstance(found, VerifiedToken) and _may_know(client, found):
        if found.is_of_service:
            is_live, username = await parts.access_tokens.is_live(found, now=now), {}
        else:
            account = await parts.access_tokens.find_account(found, now=now)
            is_live = account is not None
            username = _username(account, found.scopes)
        answer = {**_describe_access_token(found), **username} if is_live else INACTIVE
    return JSONResponse(dict(answer), headers=NO_STORE)


def _may_know(client: Client, token: VerifiedToken) -> bool:
    return client.client_id == token.client_id or token.audience in client.registration.protected_resource


def _username(account: Account | None, scopes: Collection[str]) -> dict[str, str]:
    """`username` (RFC 7662 §2.2), if the scope allows to read it at userinfo as well."""
    told = {} if account is None else person_claims.describe(account, names_for(scopes, ()))
    return {"username": told["preferred_username"]} if "preferred_username" in told else {}


def _describe_access_token(token: VerifiedToken) -> dict[str, Any]:
    """RFC 7662 §2.2, RFC 9470 §6.2."""
    told = {name: value for name, value in token.claims.items() if name != USERINFO_CLAIMS}
    return {"active": True, "token_type": "Bearer" if token.jkt is None else TOKEN_TYPE, **told}


def _describe_refresh_token(shown: ShownRefreshToken, issuer: str) -> dict[str, Any]:
    """There is no `token_type`, because a refresh token is not used at a resource (RFC 6749 §5.1)."""
    family, holder = shown.family.authorized, shown.family.holder
    expires_at = family.expires_at or holder.session_expires_at
    expiry = {} if expires_at is None else {"exp": int(expires_at.timestamp())}
    return {
        "active": True,
        "iss": issuer,
        "sub": holder.account.id,
        "client_id": holder.grant.client_id,
        "aud": one_or_list(family.audiences or (issuer,)),
        "scope": family.scope,
        "iat": int((family.rotated_at or family.created_at).timestamp()),
        **expiry,
        **_username(holder.account, family.scopes),
        "sid": holder.grant.sid,
        "auth_time": int(family.auth_time.timestamp()),
        "acr": family.acr,
    }
