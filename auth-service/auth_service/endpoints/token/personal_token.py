"""Trading a personal access token for an access token of its API: an exchange at the reserved client `personal`.

The token itself proves who asks, so there is no client secret. What it is traded for lives for minutes, has no session
(`sid`), and the `auth_time` and `acr` of the token's making: an API that asks for a recent sign-in refuses it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ...clients.cache import ClientCache
from ...clients.clients import WEB_CLIENT_ID
from ...http.parts import given
from ...oauth import scope, token_exchange
from ...oauth.audiences import Resources
from ...oauth.errors import InvalidRequest, InvalidTarget
from ...oauth.token_exchange import ACCESS_TOKEN, PERSONAL_TOKEN
from ...roles.held import find_held
from ...tokens import personal_tokens
from ...tokens.exchanged_tokens import issue_for_personal
from ...tokens.holders import Held, is_unchanged
from ...tokens.personal_tokens import PersonalToken
from .messages import TokenRequest, TokenResponse
from .redemption import RedemptionParts

REFUSED = "The subject_token is no personal access token that works: it is unknown, expired or revoked."


@dataclass(frozen=True)
class PersonalParts(RedemptionParts):
    cached_clients: ClientCache


async def redeem_personal(request: TokenRequest) -> TokenResponse:
    """An access token for the API of the personal access token, with its scopes or some of them.

    Raises:
        InvalidRequest: the form is not valid, or the token does not work (RFC 8693 §2.2.2).
        InvalidTarget, InvalidScope: more is asked for than the token has.
    """
    parts = given(request.http, PersonalParts)
    parameters, now = request.parameters, request.now
    token_exchange.check_form(parameters, PERSONAL_TOKEN)
    held = await personal_tokens.find(parts.database, parameters.require("subject_token"))
    if held is None or held.authorized.expires_at - now < timedelta(seconds=1) or not held.holder.is_live(now=now):
        raise InvalidRequest(REFUSED)
    own = held.authorized
    audience = parameters.get("audience")
    asked = {*parameters.all("resource"), *(() if audience is None else (audience,))}
    if not asked <= {own.resource}:
        raise InvalidTarget(f"This token is for {own.resource} only.")
    resources = await parts.resources.naming([own.resource], None, now=now)
    granted = scope.narrow(await _allowed(parts, own, resources, now), parameters.get("scope"))
    return await _respond(request, parts, held, resources, granted)


async def _allowed(parts: PersonalParts, own: PersonalToken, resources: Resources, now: datetime) -> tuple[str, ...]:
    """The token's scopes that a person may still give it.

    Raises:
        InvalidTarget: the API is no longer registered.
    """
    api, web = resources.find(own.resource), await parts.cached_clients.find(WEB_CLIENT_ID, now=now)
    if api is None or web is None:
        raise InvalidTarget("The API of this token is no longer registered.")
    return tuple(each for each in personal_tokens.scopes_for(api, web) if each in own.scopes)


async def _respond(
    request: TokenRequest,
    parts: PersonalParts,
    held: Held[PersonalToken],
    resources: Resources,
    granted: tuple[str, ...],
) -> TokenResponse:
    own, now = held.authorized, request.now
    if request.proof is not None:
        await parts.dpop_proofs.spend(request.proof)
    grant = held.holder.grant
    before = grant.status_list_id, grant.status_index
    status = await parts.token_status.of_grant(grant, now=now)
    is_same = (grant.status_list_id, grant.status_index) == before or await is_unchanged(parts.database, held)
    if status is None or not is_same:  # as in redemption.py: a new index must not outlive a withdrawn API
        raise InvalidRequest(REFUSED, reason="its grant, or its API, has just ended")
    audience = resources.audience(own.resource)
    api = own.resource if audience.names_roles else None
    roles = await find_held(parts.database, own.account_id, api, groups=audience.names_groups)
    if personal_tokens.is_use_due(own, now=now):
        await parts.database.transact(personal_tokens.note_use, own.id, now=now)
    token, lifetime = issue_for_personal(
        parts.tokens, held, audience, " ".join(granted), status, roles, jkt=request.jkt, now=now
    )
    return TokenResponse(
        access_token=token, expires_in=lifetime, scope=" ".join(granted) or None, issued_token_type=ACCESS_TOKEN
    )
