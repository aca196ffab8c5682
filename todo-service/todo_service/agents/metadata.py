"""The metadata of /mcp, from which agents learn the issuer and the scopes (RFC 9728)."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ..http import problems, protected_resource
from ..http.parts import Given, given
from ..http.protected_resource import ProtectedResource
from ..http.public_preflight import add_preflight

RESOURCE_PATH = "/mcp"
PATH = protected_resource.PREFIX + RESOURCE_PATH

# What a person reads about each when an agent asks for it: deploy/configuration/todos.yaml.
LIST, SEARCH, ADD, COMPLETE, PLAN = SCOPES = ("mcp:list", "mcp:search", "mcp:add", "mcp:complete", "mcp:plan")
READING = frozenset({"list_todos", "list_lists", "search_todos"})  # tools that change nothing; all others do

router = APIRouter(tags=["metadata"])
add_preflight(router, PATH)


@dataclass(frozen=True)
class AgentMetadataParts(Given):
    mcp_metadata: ProtectedResource


@router.get(PATH, responses=problems.responses(problems.INTERNAL_ERROR), operation_id="getMcpProtectedResource")
async def metadata(request: Request, response: Response) -> ProtectedResource:
    """Protected resource metadata of /mcp (RFC 9728 §3)."""
    response.headers.update(protected_resource.HEADERS)
    return given(request, AgentMetadataParts).mcp_metadata
