"""The metadata of an API, for clients that only know its address: issuer, scopes and more (RFC 9728)."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from . import problems
from .authentication import SCOPES
from .parts import Given, given
from .public_preflight import add_preflight

RESOURCE_PATH = "/api/v1"
PREFIX = "/.well-known/oauth-protected-resource"  # RFC 9728 §3.1: inserted before the resource's path
PATH = PREFIX + RESOURCE_PATH
# Public, and the same for everybody.
HEADERS = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}

router = APIRouter(tags=["metadata"])
add_preflight(router, PATH)


class ProtectedResource(BaseModel):
    """Protected resource metadata (RFC 9728 §2)."""

    resource: str
    authorization_servers: list[str]
    scopes_supported: list[str]
    bearer_methods_supported: list[str]
    dpop_signing_alg_values_supported: list[str]


@dataclass(frozen=True)
class MetadataParts(Given):
    protected_resource: ProtectedResource


def describe(
    issuer: str, proof_algorithms: Iterable[str], *, path: str = RESOURCE_PATH, scopes: Iterable[str] = SCOPES
) -> ProtectedResource:
    return ProtectedResource(
        resource=issuer + path,
        authorization_servers=[issuer],
        scopes_supported=list(scopes),
        bearer_methods_supported=["header"],
        dpop_signing_alg_values_supported=sorted(proof_algorithms),
    )


@router.get(PATH, responses=problems.responses(problems.INTERNAL_ERROR), operation_id="getProtectedResource")
async def protected_resource(request: Request, response: Response) -> ProtectedResource:
    """Protected resource metadata (RFC 9728 §3)."""
    response.headers.update(HEADERS)
    return given(request, MetadataParts).protected_resource
