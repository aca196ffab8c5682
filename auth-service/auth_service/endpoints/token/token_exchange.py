"""The token exchange grant (RFC 8693): an API trades the token that it was called with for one for another API.

The operator's rule in the client's metadata decides which API and which scopes. What the person has allowed their own
client to do at the first API does not limit that, nor does it widen anything: the new token says who acts (`act`). A
rule for impersonation leaves `act` out; then the person is told (impersonation.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...accounts.accounts import Account
from ...clients.clients import PERSONAL_CLIENT_ID
from ...http.dpop import DPoPParts
from ...http.parts import given
from ...mail.outbox import Outbox
from ...oauth import scope, token_exchange
from ...oauth.errors import InvalidRequest, InvalidTarget
from ...oauth.metadata_values import TOKEN_EXCHANGE
from ...oauth.token_exchange import ACCESS_TOKEN, ExchangeRule
from ...resources.cache import ResourceCache
from ...roles.held import find_held
from ...store.database import Database
from ...telemetry.logs import audit
from ...tokens.access_tokens import AccessTokenReader, InvalidToken, VerifiedToken
from ...tokens.exchanged_tokens import issue_exchanged
from ...tokens.issuer import TokenIssuer
from . import impersonation
from .messages import TokenRequest, TokenResponse
from .personal_token import redeem_personal

GRANT_TYPE = TOKEN_EXCHANGE
PARAMETERS = (
    *("subject_token", "subject_token_type", "actor_token", "actor_token_type"),
    *("requested_token_type", "audience", "scope"),
)
REFUSED = "The subject_token is no live access token of a person for an API of this client (protected_resource)."
HAS_ACTOR = "A token with an actor (act) is not exchanged by a rule for impersonation: it would hide that actor."


@dataclass(frozen=True)
class ExchangeParts(DPoPParts):
    database: Database
    resources: ResourceCache
    access_tokens: AccessTokenReader
    tokens: TokenIssuer
    outbox: Outbox


async def redeem(request: TokenRequest) -> TokenResponse:
    """An access token for the same person, with this client as the actor, unless the rule is for impersonation.

    There is no refresh token.

    A subject token that is bound to a key is taken without a proof: its client has proved the key to this API.

    Raises:
        InvalidRequest: the form is not valid, or the subject token (RFC 8693 §2.2.2).
        InvalidTarget: no rule of the client names the API.
        InvalidScope: the rule does not have all of the scopes.
    """
    if request.client.client_id == PERSONAL_CLIENT_ID:
        return await redeem_personal(request)
    parts = given(request.http, ExchangeParts)
    client, parameters = request.client, request.parameters
    token_exchange.check_form(parameters, ACCESS_TOKEN)
    subject = _read_subject(request, parts, parameters.require("subject_token"))
    rule = token_exchange.choose_rule(client.registration.exchange, parameters)
    act = _act_for(rule, client.client_id, subject)
    resources = await parts.resources.naming([rule.resource], None, now=request.now)
    api = resources.find(rule.resource)
    if api is None:
        raise InvalidTarget("The resource is no longer registered.")
    allowed = tuple(each for each in rule.scopes if each in api.scopes)
    granted = " ".join(scope.narrow(allowed, parameters.get("scope")))
    account = await _find_account(parts, subject, request.now)
    if request.proof is not None:
        await parts.dpop_proofs.spend(request.proof)
    audience = resources.audience(rule.resource)
    roles = await find_held(
        parts.database, account.id, rule.resource if audience.names_roles else None, groups=audience.names_groups
    )
    if rule.is_impersonation:  # before the token exists: nobody is impersonated without a trace
        told = impersonation.Impersonated(account, client, subject.client_id, api, granted)
        await parts.database.transact(impersonation.tell, told, parts.outbox, now=request.now)
    else:
        _tell(request, subject, rule.resource)
    token, lifetime = issue_exchanged(
        parts.tokens, subject, client.client_id, audience, granted, roles, act=act, jkt=request.jkt, now=request.now
    )
    return TokenResponse(access_token=token, expires_in=lifetime, scope=granted or None, issued_token_type=ACCESS_TOKEN)


def _read_subject(request: TokenRequest, parts: ExchangeParts, text: str) -> VerifiedToken:
    """The token, which may still be revoked. Raises InvalidRequest: the same for whatever is wrong with it."""
    try:
        subject = parts.access_tokens.verify(text, now=request.now)
    except InvalidToken as error:
        raise InvalidRequest(REFUSED, reason=str(error)) from None
    if subject.audience not in request.client.registration.protected_resource:
        raise InvalidRequest(REFUSED, reason="its audience is no API of this client")
    if subject.is_of_service or subject.status is None:
        raise InvalidRequest(REFUSED, reason="it is a service's, or names no status list")
    if not _lasts(subject, request.now):
        raise InvalidRequest(REFUSED, reason="it ends in this second")
    return subject


def _act_for(rule: ExchangeRule, client_id: str, subject: VerifiedToken) -> Mapping[str, Any] | None:
    """The claim `act`; None for impersonation, which begins at the person's own client only."""
    if not rule.is_impersonation:
        return token_exchange.act_for(client_id, subject.claims.get("act"))
    if subject.is_exchanged:
        raise InvalidRequest(HAS_ACTOR)
    return None


async def _find_account(parts: ExchangeParts, subject: VerifiedToken, now: datetime) -> Account:
    """The person of a live subject token. A token of an impersonation is not exchanged on: its chain is not in it."""
    find = parts.access_tokens.find_account if subject.is_exchanged else parts.access_tokens.find_granted
    account = await find(subject, now=now)
    if account is None:
        raise InvalidRequest(REFUSED, reason="it is revoked, impersonates, or its person has no access")
    return account


def _lasts(subject: VerifiedToken, now: datetime) -> bool:
    """Whether at least a whole second is left: times in tokens have whole seconds."""
    return int(subject.claims["exp"]) > int(now.timestamp())


def _tell(request: TokenRequest, subject: VerifiedToken, resource: str) -> None:
    """Say in the log who acts for whom: a row for each exchange would grow the database with the traffic of APIs."""
    audit(
        "token_exchanged",
        account_id=subject.sub,
        client_id=request.client.client_id,
        subject_client_id=subject.client_id,
        resource=resource,
    )
