"""The issuer's metadata, one document for both paths (RFC 8414 §3, OpenID Connect Discovery 1.0 §4)."""

from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..clients.own_registrations import Registration
from ..http.cached_documents import NOT_MODIFIED, render_document
from ..http.parts import Given, given
from ..http.public_preflight import add_preflight
from ..mail.languages.choosing import LANGUAGES
from ..oauth.metadata import describe
from ..resources.cache import ResourceCache
from ..store.instants import Clock

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
router = APIRouter()
add_preflight(router, *PATHS)


@dataclass(frozen=True)
class DiscoveryParts(Given):
    clock: Clock
    resources: ResourceCache
    grant_types: tuple[str, ...]
    registration: Registration


@router.get(PATHS[0], responses=NOT_MODIFIED, response_model=dict[str, Any])
@router.get(PATHS[1], responses=NOT_MODIFIED, response_model=dict[str, Any])
async def metadata(request: Request) -> Response:
    parts = given(request, DiscoveryParts)
    resources = await parts.resources.current(now=parts.clock())
    registers = parts.registration.is_on
    made = describe(resources, grant_types=parts.grant_types, registers=registers, ui_locales=LANGUAGES)
    return render_document(request, made)
