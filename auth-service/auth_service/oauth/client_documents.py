"""Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document-02): a client_id that is a URL.

The document at the URL is the client's registration. It is public, so the client cannot have a secret.
"""

import re
from collections.abc import Mapping
from typing import Any

from .audiences import Resources
from .client_metadata import ClientMetadata
from .errors import InvalidClientMetadata
from .metadata_values import NONE, PRIVATE_KEY_JWT
from .self_registration import parse_own

MAX_LENGTH = 255  # characters of the URL
MAX_SIZE = 5 * 1024  # octets of the document (draft §8.7)
METHODS = (NONE, PRIVATE_KEY_JWT)
_URL = re.compile(
    r"https://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?)(?P<path>/[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*)"
    r"(\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?"
)
_DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)


def is_document_url(client_id: str) -> bool:
    """Whether the client_id is the URL of a metadata document (draft §3).

    It is https with a path, in one spelling, and has no user, no fragment and no dot segments. It is compared as it is.
    """
    found = _URL.fullmatch(client_id) if len(client_id) <= MAX_LENGTH else None
    return found is not None and not _DOT_SEGMENT.search(found["path"])


def host_of(client_id: str) -> str:
    """The host of the document's URL, with its port if there is one."""
    found = _URL.fullmatch(client_id)
    return "" if found is None else found["host"]


def parse_document(document: Mapping[str, Any], *, client_id: str, resources: Resources) -> ClientMetadata:
    """Check the document of a client (draft §4). It counts as a registration of the client's own.

    Raises:
        InvalidClientMetadata, InvalidRedirectUri: the description names the member.
    """
    if document.get("client_id") != client_id:
        raise InvalidClientMetadata("client_id: must be the URL of the document, character by character.")
    if secrets := {"client_secret", "client_secret_expires_at"} & document.keys():
        raise InvalidClientMetadata(f"{min(secrets)}: a public document must not have it.")
    method = document.get("token_endpoint_auth_method", NONE)
    if method not in METHODS:
        raise InvalidClientMetadata(f"token_endpoint_auth_method: supported here are {', '.join(METHODS)}.")
    described = {**document, "token_endpoint_auth_method": method}
    return parse_own(described, resources=resources, is_stranger=True, document=client_id)
