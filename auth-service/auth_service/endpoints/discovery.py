"""The issuer's metadata, one document for both paths (RFC 8414 §3, OpenID Connect Discovery 1.0 §4)."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..http.cached_documents import NOT_MODIFIED, render_document
from ..http.parts import Given, given
from ..oauth.metadata import describe

router = APIRouter()


@dataclass(frozen=True)
class DiscoveryParts(Given):
    issuer: str
    grant_types: tuple[str, ...]


@router.get("/.well-known/openid-configuration", responses=NOT_MODIFIED, response_model=dict[str, Any])
@router.get("/.well-known/oauth-authorization-server", responses=NOT_MODIFIED, response_model=dict[str, Any])
async def metadata(request: Request) -> Response:
    parts = given(request, DiscoveryParts)
    return render_document(request, describe(parts.issuer, grant_types=parts.grant_types))
