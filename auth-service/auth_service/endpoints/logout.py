"""GET and POST /oauth/logout: an application signs its person out (OpenID Connect RP-Initiated Logout 1.0).

The request is checked and stored here. Who is signed in is not read yet, because a form from another site comes without
our cookies. Then the browser is redirected to /signout: a GET, which has the cookies (PAGES.md).
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ..clients.authentication import ClientAuthenticator
from ..clients.clients import Client
from ..grants import logout_requests
from ..http.languages import note_asked
from ..http.oauth_requests import read_form_octets
from ..http.pages import ANSWERS, LOGOUT_HANDLE, PageRefused, see_other
from ..http.parts import Given, Now, given
from ..oauth.authorization_parameters import STATE_MAX_LENGTH, fits
from ..oauth.errors import InvalidRequest, OAuthError
from ..oauth.parameters import Parameters, parse_form
from ..store.database import Database
from ..tokens.id_token_hints import Hint, HintVerifier, InvalidHint

PATH = "/oauth/logout"
router = APIRouter()


@dataclass(frozen=True)
class LogoutParts(Given):
    database: Database
    clients: ClientAuthenticator
    hints: HintVerifier


@router.get(PATH, response_class=Response, responses=ANSWERS)
async def logout(request: Request, now: Now) -> Response:
    parts = given(request, LogoutParts)
    return await _begin(request, request.scope["query_string"], parts, now)


@router.post(PATH, response_class=Response, responses=ANSWERS)
async def logout_by_form(request: Request, now: Now) -> Response:
    parts = given(request, LogoutParts)
    try:
        octets = await read_form_octets(request)
    except OAuthError as error:
        raise refused(error.description, status=error.status) from None
    return await _begin(request, octets, parts, now)


async def _begin(request: Request, octets: bytes, parts: LogoutParts, now: datetime) -> Response:
    parameters = _read(octets)
    note_asked(request, parameters.get("ui_locales"))
    hint = await _read_hint(parameters, parts, now)
    client = await _find_client(parameters, hint, parts, now)
    redirect_uri = parameters.get("post_logout_redirect_uri")
    if redirect_uri is not None:
        _check_redirect_uri(redirect_uri, client)
    if hint is None and client is None:
        return see_other("/signout")  # nothing to store: `state` is used only with a redirect URI
    async with parts.database.writing() as session:
        handle = await logout_requests.store(
            session,
            client_id=client.client_id if client else None,
            session_id=hint.sid if hint else None,
            post_logout_redirect_uri=redirect_uri,
            state=parameters.get("state"),
            now=now,
        )
    return see_other("/signout", **{LOGOUT_HANDLE: handle})


def _read(octets: bytes) -> Parameters:
    try:
        parameters = parse_form(octets)
    except InvalidRequest as error:
        raise refused(error.reason or error.description) from None
    if not fits(parameters.get("state"), STATE_MAX_LENGTH):
        raise refused("state is too long")
    return parameters


async def _read_hint(parameters: Parameters, parts: LogoutParts, now: datetime) -> Hint | None:
    """The verified `id_token_hint`, if there is one. It may have expired: a person may sign out late."""
    shown = parameters.get("id_token_hint")
    try:
        return None if shown is None else await parts.hints.verify(shown, now=now)
    except InvalidHint as error:
        raise refused(f"id_token_hint: {error}") from None


async def _find_client(parameters: Parameters, hint: Hint | None, parts: LogoutParts, now: datetime) -> Client | None:
    """The client that the hint was issued to, or else the one in `client_id`. If both are there, they must agree."""
    named = parameters.get("client_id")
    if hint is not None and named not in (None, hint.client_id):
        raise refused("the id_token_hint was issued to another client")
    client_id = hint.client_id if hint else named
    client = None if client_id is None else await parts.clients.cache.find(client_id, now=now)
    if client is None and client_id is not None:
        raise refused("unknown client")
    return client


def _check_redirect_uri(redirect_uri: str, client: Client | None) -> None:
    """Raises PageRefused unless the URI is registered for the client, character by character.

    An `id_token_hint` is not needed: many libraries send a `client_id` instead, and the person is asked (§2 and §3).
    """
    if client is None:
        raise refused("a post_logout_redirect_uri without an id_token_hint or a client_id")
    if redirect_uri not in client.registration.post_logout_redirect_uris:
        raise refused(f"{client.client_id}: post_logout_redirect_uri is not registered")


def refused(reason: str, *, status: int = 400) -> PageRefused:
    return PageRefused(
        "Signing out did not work",
        "The application that sent you here asked for something that it may not have. Your sign-in has not changed. "
        "You can sign out at /signout.",
        status=status,
        reason=reason,
    )
