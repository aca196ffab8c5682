"""The key set (RFC 7517 §5), at the `jwks_uri` and at the Better Auth protocol's path."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..http.cached_documents import NOT_MODIFIED, render_document
from ..http.parts import Given, given
from ..http.public_preflight import add_preflight
from ..keys.ring import KeyRing

PATHS = ("/.well-known/jwks.json", "/api/auth/jwks")
router = APIRouter()
add_preflight(router, *PATHS)


@dataclass(frozen=True)
class JwksParts(Given):
    keys: KeyRing
    status_list_keys: KeyRing


@router.get(PATHS[0], responses=NOT_MODIFIED, response_model=dict[str, Any])
@router.get(PATHS[1], responses=NOT_MODIFIED, response_model=dict[str, Any])
async def jwks(request: Request) -> Response:
    """The public members of the active, next and retiring keys, both for tokens and for status lists."""
    parts = given(request, JwksParts)
    keys = (*parts.keys.current.public_jwks, *parts.status_list_keys.current.public_jwks)
    return render_document(request, {"keys": keys})
