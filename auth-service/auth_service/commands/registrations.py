"""Client registrations in commands: read from standard input, checked, and shown."""

import sys
from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients.clients import PERSONAL_CLIENT_ID, WEB_CLIENT_ID, Client
from ..clients.keys import UnusableKey, parse_key_set
from ..oauth.audiences import Resources
from ..oauth.client_metadata import NAMES, ClientMetadata, parse
from ..oauth.errors import OAuthError
from ..oauth.strict_json import parse_object
from ..resources import resources as registry
from ..settings.settings import load_settings
from .opened import CommandRefused
from .output import Record

MAX_INPUT = 256 * 1024  # octets
MAX_BRACKETS = 1000

# Members that `show` adds. `update` ignores them silently, so that it accepts the output of `show`.
_OURS = frozenset({"client_id", "client_id_issued_at", "client_secret_expires_at"})


def read_metadata() -> dict[str, Any]:
    """The metadata on standard input. Raises CommandRefused."""
    return read_object("metadata")


def read_object(what: str) -> dict[str, Any]:
    """The members of the JSON object on standard input. Raises CommandRefused, which calls them `what`."""
    octets = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(octets) > MAX_INPUT:
        raise CommandRefused(f"the {what} on standard input exceed {MAX_INPUT} octets")
    try:
        return parse_object(octets, max_brackets=MAX_BRACKETS)
    except ValueError as error:
        raise CommandRefused(f"the {what} on standard input are not valid: {error}") from None


async def load_resources(session: AsyncSession) -> Resources:
    """The APIs. None is removed until the end of the transaction: a client must not be stored with a removed scope."""
    return await registry.load_locked(session, load_settings().issuer)


def check_registration(members: dict[str, Any], resources: Resources, *, client_id: str = "") -> ClientMetadata:
    """The checked metadata. Raises CommandRefused, with the error code of RFC 7591 §3.2.2."""
    from ..endpoints.token.grants import GRANT_TYPES  # imported late: it loads FastAPI

    if client_id == PERSONAL_CLIENT_ID:
        raise CommandRefused(f"{client_id} is reserved: personal access tokens are all that it is for")
    if "client_secret" in members:
        raise CommandRefused("client_secret: the service makes secrets; use rotate-secret for a new one")
    try:
        registration = parse(
            members,
            resources=resources,
            supported_grant_types=GRANT_TYPES,
            needs_grant_type=client_id != WEB_CLIENT_ID,
        )
    except OAuthError as error:
        raise CommandRefused(f"{error.error}: {error.description}") from None
    if client_id == WEB_CLIENT_ID and not registration.is_public:
        raise CommandRefused(f"token_endpoint_auth_method: none is the only one for {WEB_CLIENT_ID}")
    if registration.jwks is not None:
        try:
            parse_key_set(registration.jwks, strictly=True)
        except UnusableKey as error:
            raise CommandRefused(f"invalid_client_metadata: jwks: {error}") from None
    ignored = sorted(members.keys() - NAMES - _OURS)
    if ignored:
        typer.echo(f"auth-service: ignored: {', '.join(map(ascii, ignored))}", err=True)
    return registration


def record_of(client: Client) -> Record:
    registration = client.registration
    return {
        "client_id": client.client_id,
        "client_name": registration.client_name,
        "grant_types": " ".join(registration.grant_types),
        "token_endpoint_auth_method": registration.token_endpoint_auth_method,
        "scope": " ".join(registration.scope),
        "redirect_uris": " ".join(registration.redirect_uris),
        "registered_by": client.registered_by or "operator",
        "created_at": client.created_at.isoformat(timespec="milliseconds"),
    }
