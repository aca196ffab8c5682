"""The token exchange grant (RFC 8693): an API trades the token that it was called with for one for another API.

The operator's rule in the client's metadata decides which API and which scopes. What the person has allowed their own
client to do at the first API does not limit that, nor does it widen anything: the new token says who acts (`act`).
"""

from dataclasses import dataclass
from datetime import datetime

from ...clients.clients import PERSONAL_CLIENT_ID
from ...http.dpop import DPoPParts
from ...http.parts import given
from ...oauth import scope, token_exchange
from ...oauth.errors import InvalidRequest, InvalidTarget
from ...oauth.metadata_values import TOKEN_EXCHANGE
from ...oauth.token_exchange import ACCESS_TOKEN
from ...resources.cache import ResourceCache
from ...roles.held import find_held
from ...store.database import Database
from ...telemetry.logs import audit
from ...tokens.access_tokens import AccessTokenReader, InvalidToken, VerifiedToken
from ...tokens.exchanged_tokens import issue_exchanged
from ...tokens.issuer import TokenIssuer
from .messages import TokenRequest, TokenResponse
from .personal_token import redeem_personal

GRANT_TYPE = TOKEN_EXCHANGE
PARAMETERS = (
    *("subject_token", "subject_token_type", "actor_token", "actor_token_type"),
    *("requested_token_type", "audience", "scope"),
)
REFUSED = "The subject_token is no live access token of a person for an API of this client (protected_resource)."


@dataclass(frozen=True)
class ExchangeParts(DPoPParts):
    database: Database
    resources: ResourceCache
    access_tokens: AccessTokenReader
    tokens: TokenIssuer


async def redeem(request: TokenRequest) -> TokenResponse:
    """An access token for the same person, with this client as the actor. There is no refresh token.

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
    act = token_exchange.act_for(client.client_id, subject.claims.get("act"))
    resources = await parts.resources.naming([rule.resource], None, now=request.now)
    api = resources.find(rule.resource)
    if api is None:
        raise InvalidTarget("The resource is no longer registered.")
    allowed = tuple(each for each in rule.scopes if each in api.scopes)
    granted = " ".join(scope.narrow(allowed, parameters.get("scope")))
    account = await parts.access_tokens.find_account(subject, now=request.now)
    if account is None:
        raise InvalidRequest(REFUSED, reason="it is revoked, its person has no access, or it is a service's")
    if request.proof is not None:
        await parts.dpop_proofs.spend(request.proof)
    audience = resources.audience(rule.resource)
    apis = [rule.resource] if audience.names_roles else []
    roles = await find_held(parts.database, account.id, apis, groups=audience.names_groups)
    token, lifetime = issue_exchanged(
        parts.tokens, subject, client.client_id, audience, granted, roles, act=act, jkt=request.jkt, now=request.now
    )
    _tell(request, subject, rule.resource)
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
