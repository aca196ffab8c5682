"""The client information response (RFC 7591 §3.2.1)."""

from typing import Any

from ..oauth.client_metadata import ClientMetadata
from .clients import Client


def describe(client: Client, registration: ClientMetadata, secret: str | None = None) -> dict[str, Any]:
    """The client's id and metadata, and its secret, which is known only when it is made."""
    secret_members = {"client_secret": secret, "client_secret_expires_at": 0} if secret is not None else {}
    return {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created_at.timestamp()),
        **secret_members,
        **registration.members(),
    }
