"""Token revocation (RFC 7009): a client gives a token back, and the whole grant of the token ends.

A service's own token has no grant: all tokens of the service end.

Access tokens have no rows, so one of them cannot be ended alone; §2.1 allows ending the grant. Grants of other clients
in the same session do not end (GRANTS.md).
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ..audit.trail import recorded
from ..clients import clients
from ..clients.clients import PERSONAL_CLIENT_ID, Client
from ..grants import grants
from ..http import client_requests
from ..http.client_requests import ClientRequestParts
from ..http.oauth_requests import NO_STORE, REFUSALS, TOKEN_FORM, read_form
from ..http.parts import given
from ..oauth.errors import UnsupportedTokenType
from ..store.database import Database
from ..store.instants import Clock
from ..tokens import personal_tokens, personal_values
from ..tokens.access_tokens import AccessTokenReader, VerifiedToken
from ..tokens.holders import find_holder
from ..tokens.refresh_tokens import RefreshTokens
from ..tokens.shown_tokens import ShownRefreshToken, find_token

router = APIRouter()
EXCHANGED = "An exchanged token ends with the token that it was traded for."


@dataclass(frozen=True)
class RevokeParts(ClientRequestParts):
    database: Database
    clock: Clock
    refresh_tokens: RefreshTokens
    access_tokens: AccessTokenReader


@router.post("/oauth/revoke", openapi_extra=TOKEN_FORM, responses=REFUSALS)
async def revoke(request: Request) -> JSONResponse:
    """End the grant of a token. An unknown or ended token, or another client's, is answered with 200, too (§2.2)."""
    parts = given(request, RevokeParts)
    now = parts.clock()
    parameters = await read_form(request)
    client = await client_requests.authenticate(request, parts, parameters, now=now)
    if client.client_id == PERSONAL_CLIENT_ID and personal_values.is_one(parameters.require("token")):
        await _end_personal(parts, parameters.require("token"), client, now)
    found = await find_token(parameters.require("token"), parts.refresh_tokens, parts.access_tokens, now=now)
    if isinstance(found, ShownRefreshToken):
        grant = found.family.holder.grant
        if grant.client_id == client.client_id:
            await _end_grant(parts, grant.id, client, now)
    elif found is not None and found.client_id == client.client_id:
        await _end_grant_of(found, parts, client, now)
    return JSONResponse({}, headers=NO_STORE)  # clients ignore the content (§2.2); some libraries read only JSON


async def _end_personal(parts: RevokeParts, token: str, client: Client, now: datetime) -> None:
    """Whoever has a personal access token may end it: its person, or somebody who has found it."""
    held = await personal_tokens.find(parts.database, token)
    if held is None:
        return
    own = held.authorized
    facts = {"personal_token_id": own.id, "by": "holder"}
    end = recorded(
        personal_tokens.revoke,
        "personal_token_revoked",
        at=now,
        if_=bool,
        account_id=own.account_id,
        client_id=client.client_id,
        facts=lambda _: facts,
    )
    await parts.database.transact(end, own.id, now=now)


async def _end_grant_of(token: VerifiedToken, parts: RevokeParts, client: Client, now: datetime) -> None:
    if token.is_exchanged:
        raise UnsupportedTokenType(EXCHANGED)
    if token.is_of_service:
        revoke = recorded(clients.revoke_own_tokens, "service_tokens_revoked", at=now, client_id=client.client_id)
        await parts.database.transact(revoke, client.client_id, now=now)
        return
    # The index may be revoked while the grant lives on (an API was withdrawn). Giving the token back ends the grant.
    holder = await find_holder(parts.database, client_id=token.client_id, status=token.status, revoked_too=True)
    if holder is not None:
        await _end_grant(parts, holder.grant.id, client, now)
    elif await parts.access_tokens.is_of_another_grant(token, now=now):
        raise UnsupportedTokenType(EXCHANGED)


async def _end_grant(parts: RevokeParts, grant_id: str, client: Client, now: datetime) -> None:
    ids = {"grant_id": grant_id}
    end = recorded(grants.end, "grant_revoked", at=now, if_=bool, client_id=client.client_id, facts=lambda _: ids)
    await parts.database.transact(end, grant_id, now=now)
