"""POST /internal/verifiers: an instance of a protected resource says which keys and status lists it holds."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...clients.authentication import ClientAuthenticator
from ...http.oauth_requests import NO_STORE, REFUSALS, document_form, read_form
from ...http.parts import Given, Now, given
from ...keys.verifier_reports import InvalidReport, parse_report, store_report
from ...oauth.errors import InvalidRequest, UnauthorizedClient
from ...status_lists.published import PublishedStatusLists
from ...store.database import Database

router = APIRouter()


@dataclass(frozen=True)
class ReportParts(Given):
    database: Database
    clients: ClientAuthenticator
    status_lists: PublishedStatusLists


FORM = document_form(
    {
        "type": "object",
        "required": ["instance"],
        "properties": {
            "instance": {"type": "string"},
            "kids": {"type": "string", "description": "separated by spaces; empty if the instance is shutting down"},
            "status_lists": {"type": "string", "description": "each as URI|version|iat, separated by spaces"},
            "client_id": {"type": "string"},
            "client_secret": {"type": "string"},
            "client_assertion": {"type": "string"},
            "client_assertion_type": {"type": "string"},
        },
    }
)


@router.post("/internal/verifiers", status_code=204, openapi_extra=FORM, responses=REFUSALS)
async def report(request: Request, now: Now) -> Response:
    """Store the report of a protected resource's instance. It replaces the instance's last report."""
    parts = given(request, ReportParts)
    parameters = await read_form(request)
    client = await parts.clients.authenticate(request.headers.getlist("authorization"), parameters, now=now)
    if not client.registration.protected_resource:
        raise UnauthorizedClient("This client is not a protected resource.")
    try:
        reported = parse_report(
            parameters.require("instance"), parameters.get("kids") or "", parameters.get("status_lists") or ""
        )
        async with parts.database.writing() as session:
            await store_report(session, client.client_id, reported, now=now)
    except InvalidReport as error:
        raise InvalidRequest(str(error)) from None
    held = {each.uri: each.version for each in reported.status_lists if each.version is not None}
    await parts.status_lists.compare_held(held, now=now)
    return Response(status_code=204, headers=NO_STORE)
