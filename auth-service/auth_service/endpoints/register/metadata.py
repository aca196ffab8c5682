"""Client metadata as this room reads and describes them."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ...clients.clients import Client
from ...clients.information import describe
from ...clients.keys import UnusableKey, parse_key_set
from ...http.bearer_tokens import REFUSALS
from ...http.client_cors import EXPOSED_HEADERS
from ...http.json_bodies import MEDIA_TYPE
from ...http.oauth_requests import OAuthErrorBody
from ...http.outgoing import outgoing_of
from ...oauth.audiences import Resources
from ...oauth.client_metadata import ClientMetadata
from ...oauth.errors import InvalidClientMetadata
from ...oauth.self_registration import parse_own
from ...resources.resources import lock_registered

PATH = "/oauth/register"
ANSWERS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    404: {"description": "Not Found: nobody may register here"},
    429: {"model": OAuthErrorBody},
}
BODY = {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}}


def allow_any_origin(request: Request) -> None:
    """Let the page that asks read the response, whatever it will be."""
    outgoing_of(request).fields.update(
        {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED_HEADERS}
    )


def check(members: Mapping[str, Any], resources: Resources, *, is_stranger: bool) -> ClientMetadata:
    """The checked metadata. Raises InvalidClientMetadata or InvalidRedirectUri (RFC 7591 §3.2.2)."""
    registration = parse_own(members, resources=resources, is_stranger=is_stranger)
    if registration.jwks is not None:
        try:
            parse_key_set(registration.jwks, strictly=True)
        except UnusableKey as error:
            raise InvalidClientMetadata(f"jwks: {error}.") from None
    return registration


async def hold_scope(session: AsyncSession, registration: ClientMetadata, resources: Resources) -> None:
    """Keep the APIs of its scope until the end of the transaction. Raises InvalidClientMetadata if one is gone."""
    apis = resources.owners_of(registration.scope)
    if not await lock_registered(session, apis, {each for each in registration.scope if resources.owners_of([each])}):
        raise InvalidClientMetadata("scope: an API or a scope has just been removed.")


def respond(
    client: Client, registration: ClientMetadata, *, issuer: str, token: str, secret: str | None = None
) -> dict[str, Any]:
    """The client information response, with what manages the registration (RFC 7592 §3)."""
    managing = {"registration_access_token": token, "registration_client_uri": f"{issuer}{PATH}/{client.client_id}"}
    return {**describe(client, registration, secret), **managing}
