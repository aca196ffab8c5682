"""Request objects in a request (RFC 9101 §6): verified with the client's keys. Only what is inside counts."""

from datetime import datetime

from fastapi import Request

from ...clients.clients import Client
from ...http.pages import PageRefused
from ...mail.languages.sentences import Sentence
from ...oauth import request_object
from ...oauth.compact_jwt import InvalidJwt
from ...oauth.errors import InvalidRequestObject
from ...oauth.parameters import Parameters
from .requests import RequestParts, find_registered


async def unpack(request: Request, parameters: Parameters, parts: RequestParts, *, now: datetime) -> Parameters:
    """The parameters of a request that a browser brings: those inside its request object, if it has one.

    A client that registered no algorithm for request objects gets its refusal later, as for any unknown parameter.

    Raises:
        PageRefused: the object is not valid. It alone says where an answer may go, so nobody is sent there.
    """
    client_id = parameters.get("client_id")
    if client_id is None or parameters.get("request") is None:
        return parameters
    client = await find_registered(request, client_id, parts, now=now)
    if client is None:
        return parameters
    try:
        return await unpack_of(client, parameters, parts, now=now)
    except InvalidRequestObject as refusal:
        raise PageRefused(
            "This link does not work",
            Sentence(
                "The application that sent you here has signed its request wrongly. "
                "Tell the people who run it: {fault}",
                fault=f"{refusal.error}: {refusal.description}",
            ),
            reason=f"{client.client_id}: {refusal.description}",
        ) from None


async def unpack_of(client: Client, parameters: Parameters, parts: RequestParts, *, now: datetime) -> Parameters:
    """The same for a known client. Raises InvalidRequestObject."""
    text, alg = parameters.get("request"), client.registration.request_object_signing_alg
    if text is None or alg is None:
        return parameters
    try:
        found = request_object.parse(text, client_id=client.client_id, alg=alg, issuer=parts.clients.issuer, now=now)
        if not await parts.clients.verifier.is_signed(found, client, now=now):
            raise InvalidRequestObject("The request object is refused: no key of the client verifies it.")
    except InvalidJwt as error:
        raise InvalidRequestObject(f"The request object is refused: {error}.") from error
    return found.parameters
