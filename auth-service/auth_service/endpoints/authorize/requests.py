"""Reading an authorization request: first its client and redirect URI, then everything else."""

from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import Request

from ...clients.authentication import ClientAuthenticator
from ...clients.clients import PERSONAL_CLIENT_ID, WEB_CLIENT_ID, Client
from ...clients.document_clients import has_document
from ...clients.own_registrations import apis_for, scopes_for
from ...http.document_clients import DocumentParts, find_document_client
from ...http.pages import PageRefused
from ...http.pending_requests import PendingRequest, expired, is_still_registered
from ...mail.languages.sentences import Sentence
from ...oauth import authorization_request
from ...oauth.authorization_parameters import STATE_MAX_LENGTH, fits
from ...oauth.authorization_request import AuthorizationRequest, Target
from ...oauth.client_documents import is_document_url
from ...oauth.errors import InvalidRequest
from ...oauth.parameters import Parameters, parse_with_repeated
from ...tokens.id_token_hints import HintVerifier, InvalidHint


@dataclass(frozen=True)
class RequestParts(DocumentParts):
    clients: ClientAuthenticator
    hints: HintVerifier


def read_parameters(octets: bytes) -> tuple[Parameters, frozenset[str]]:
    """The parameters, and the names that are repeated. Raises PageRefused if they cannot be parsed."""
    try:
        return parse_with_repeated(octets)
    except InvalidRequest as error:
        raise PageRefused(
            "This link does not work",
            "The address of this page is damaged or incomplete. "
            "Go back to the application that you came from, and start again.",
            reason=error.reason or error.description,
        ) from None


async def find_client(
    request: Request, parameters: Parameters, parts: RequestParts, *, now: datetime
) -> tuple[Client, Target]:
    """The client, and where its answer goes. Raises PageRefused unless client and redirect URI are registered.

    Also if `state` is too long to be returned: no error may be sent to the client without it (RFC 6749 §4.1.2.1).
    """
    client_id = parameters.get("client_id")
    client = None if client_id is None else await find_registered(request, client_id, parts, now=now)
    if client is None or client.client_id in (WEB_CLIENT_ID, PERSONAL_CLIENT_ID):
        raise PageRefused(
            "Unknown application",
            "The application that sent you here is not registered. Tell the people who run it.",
            reason="client_id is missing, repeated or unknown",
        )
    target = authorization_request.find_target(parameters, client.registration)
    if target is None:
        raise PageRefused(
            "Unknown address",
            "The application that sent you here wants you to return to an address that is not registered for it. "
            "Tell the people who run it.",
            reason=f"{client.client_id}: redirect_uri is missing, repeated or not registered",
        )
    if not fits(target.state, STATE_MAX_LENGTH):
        raise PageRefused(
            "This link does not work",
            Sentence(
                "The application that sent you here wants more than {number} octets back (the parameter state). "
                "Tell the people who run it.",
                number=STATE_MAX_LENGTH,
            ),
            reason=f"{client.client_id}: state is too long",
        )
    return client, target


async def find_registered(request: Request, client_id: str, parts: RequestParts, *, now: datetime) -> Client | None:
    if is_document_url(client_id):
        return await find_document_client(request, client_id, parts, now=now)
    return await parts.clients.cache.find(client_id, now=now)


async def renew_client(
    request: Request, pending: PendingRequest, parts: RequestParts, *, now: datetime
) -> PendingRequest:
    """The request with its client as the document describes it now, if the client has one.

    Raises:
        PageRefused: the document is gone, or no longer has the request's redirect URI or scopes.
    """
    if pending.is_answered or not has_document(pending.client):
        return pending
    client = await find_document_client(request, pending.client.client_id, parts, now=now)
    if client is None or not is_still_registered(pending.request, client):
        raise expired()
    return replace(pending, client=client)


async def read_unpushed(
    parameters: Parameters,
    repeated: frozenset[str],
    client: Client,
    target: Target,
    parts: RequestParts,
    *,
    now: datetime,
) -> AuthorizationRequest:
    """As `read_request`, for a request that the browser brings with all its parameters. Raises OAuthError."""
    if client.registration.require_pushed_authorization_requests:
        raise InvalidRequest("This client must push its authorization requests, and send their request_uri (RFC 9126).")
    return await read_request(parameters, repeated, client, target, parts, now=now)


async def read_request(
    parameters: Parameters,
    repeated: frozenset[str],
    client: Client,
    target: Target,
    parts: RequestParts,
    *,
    now: datetime,
) -> AuthorizationRequest:
    """The request, with everything else in it checked. Raises OAuthError, which is sent to the client."""
    known = await parts.resources.naming(parameters.all("resource"), parameters.get("scope"), now=now)
    read = authorization_request.read(
        parameters,
        repeated,
        client_id=client.client_id,
        client=client.registration,
        target=target,
        resources=apis_for(client, known),
        scopes=scopes_for(client, known),
    )
    hint = parameters.get("id_token_hint")
    if hint is None:
        return read
    try:
        hinted = await parts.hints.verify(hint, now=now)
    except InvalidHint as error:
        raise InvalidRequest("The id_token_hint is not an ID token of this issuer.", reason=str(error)) from None
    if hinted.client_id != client.client_id:
        raise InvalidRequest("The id_token_hint was issued to another client.")
    if read.subject not in (None, hinted.sub):
        raise InvalidRequest("The id_token_hint and the claims parameter name different people.")
    return replace(read, subject=hinted.sub)
