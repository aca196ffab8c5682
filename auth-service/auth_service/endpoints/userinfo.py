"""The UserInfo endpoint (OpenID Connect Core §5.3): claims about the person of an access token."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from ..clients.cache import ClientCache
from ..clients.clients import Client
from ..http.bearer_tokens import REFUSALS, insufficient_scope, invalid_token, prove_key, read_token, refuse_proof
from ..http.dpop import DPoPParts, algorithms_of
from ..http.oauth_requests import NO_STORE
from ..http.parts import given
from ..oauth.claims import names_for
from ..oauth.dpop_proof import DPoPProof
from ..oauth.errors import InvalidDPoPProof
from ..oauth.parameters import MEDIA_TYPE
from ..oauth.scope import OPENID
from ..resources.cache import ResourceCache
from ..store.database import Database
from ..store.instants import Clock
from ..tokens import person_claims
from ..tokens.access_tokens import AccessTokenReader, InvalidToken
from ..tokens.issuer import TokenIssuer

router = APIRouter()
FORM: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {MEDIA_TYPE: {"schema": {"type": "object", "properties": {"access_token": {"type": "string"}}}}},
    }
}

JWT = "application/jwt"  # for a client with a userinfo_signed_response_alg
ANSWERS: dict[int | str, dict[str, Any]] = {**REFUSALS, 200: {"content": {JWT: {"schema": {"type": "string"}}}}}


@dataclass(frozen=True)
class UserinfoParts(DPoPParts):
    clock: Clock
    tokens: TokenIssuer
    resources: ResourceCache
    access_tokens: AccessTokenReader
    cached_clients: ClientCache
    database: Database


@router.get("/oauth/userinfo", responses=ANSWERS, response_model=dict[str, Any])
@router.post("/oauth/userinfo", openapi_extra=FORM, responses=ANSWERS, response_model=dict[str, Any])
async def userinfo(request: Request) -> Response:
    """The claims that the token's scopes allow.

    A live token with scope `openid` is accepted if it is for the issuer, or for an API whose tokens may carry identity
    scopes. Any other API could otherwise read its callers' addresses with the tokens that it receives.

    The answer is JSON, or a JWT if the token's client has registered an algorithm for it (§5.3.2).
    """
    parts = given(request, UserinfoParts)
    now = parts.clock()
    shown = await read_token(request)
    try:
        token = parts.access_tokens.verify(shown.token, now=now)
    except InvalidToken as error:
        raise invalid_token(str(error), is_dpop=shown.is_dpop) from error
    proof = await prove_key(request, parts, shown, token.jkt, now=now)
    if not (await parts.resources.current(now=now)).opens_userinfo(token.audience):
        raise invalid_token("another audience")
    if OPENID not in token.scopes:
        raise insufficient_scope(OPENID)
    account = await parts.access_tokens.find_account(token, now=now)
    if account is None:
        raise invalid_token("ended grant or session, or suspended account")
    client = await parts.cached_clients.find(token.client_id, now=now)
    await _spend(parts, proof, client)
    names = names_for(token.scopes, token.userinfo_claims)
    api = None if client is None else client.registration.default_resource
    held = await person_claims.find_held_by_person(parts.database, account, names, api)
    told = {"sub": account.id, **person_claims.describe(account, names, held, api=api)}
    alg = None if client is None else client.registration.userinfo_signed_response_alg
    if alg is None:
        return JSONResponse(told, headers=NO_STORE)
    return Response(parts.tokens.sign_userinfo(told, token.client_id, alg), headers=NO_STORE, media_type=JWT)


async def _spend(parts: UserinfoParts, proof: DPoPProof | None, client: Client | None) -> None:
    if proof is None:
        return
    if client is not None and proof.alg not in (algorithms := algorithms_of(client)):
        raise refuse_proof(InvalidDPoPProof(f"The DPoP proof is refused: its alg is {proof.alg}."), algorithms)
    try:
        await parts.dpop_proofs.spend(proof)
    except InvalidDPoPProof as error:
        raise refuse_proof(error) from error
