"""The client of an authorization request whose client_id is the URL of its metadata document."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..clients import document_clients
from ..clients.clients import Client
from ..clients.fetched_documents import FetchedDocuments, NoDocument, TooManyFetches
from ..clients.keys import UnusableKey, parse_key_set
from ..mail.languages.sentences import Sentence
from ..network.networks import networks_of
from ..oauth.client_documents import parse_document
from ..oauth.errors import OAuthError
from ..resources.cache import ResourceCache
from ..store.database import Database
from .current_session import device_of
from .outgoing import outgoing_of
from .pages import PageRefused
from .parts import Given


@dataclass(frozen=True)
class DocumentParts(Given):
    database: Database
    resources: ResourceCache
    client_documents: FetchedDocuments


async def find_document_client(
    request: Request, client_id: str, parts: DocumentParts, *, now: datetime
) -> Client | None:
    """The client as its document describes it now. None if it is blocked, or no API is open to such clients.

    Raises:
        PageRefused: there is no such document, it is not valid, or too many were fetched. Nothing is stored.
    """
    resources = await parts.resources.current(now=now)
    async with parts.database.reading() as session:
        is_blocked = await document_clients.is_blocked(session, client_id)
    if is_blocked or not resources.for_strangers.registered:
        return None
    try:
        document = await parts.client_documents.get(client_id, networks_of(device_of(request).ip_address), now=now)
        registration = parse_document(document, client_id=client_id, resources=resources)
        if registration.jwks is not None:
            parse_key_set(registration.jwks, strictly=True)
    except NoDocument as refused:
        raise _refuse(client_id, refused.told, refused.reason) from None
    except OAuthError as refused:
        raise _refuse(client_id, f"{refused.error}: {refused.description}", refused.description) from None
    except UnusableKey as refused:
        raise _refuse(client_id, f"invalid_client_metadata: jwks: {refused}.", str(refused)) from None
    except TooManyFetches as refused:
        outgoing_of(request).fields["Retry-After"] = refused.retry_after
        raise PageRefused(
            "Please try again in a moment",
            "Too many applications are being looked up at the moment.",
            status=429,
            reason=f"{client_id}: too many fetches of documents",
        ) from None
    return document_clients.make(client_id, registration, now=now)


def _refuse(client_id: str, told: str, reason: str) -> PageRefused:
    return PageRefused(
        "Unknown application",
        Sentence(
            "The application that sent you here describes itself by a document, and this document cannot be used. Tell "
            "the people who run it: {fault}",
            fault=told,
        ),
        reason=f"{client_id}: {reason}",
    )
