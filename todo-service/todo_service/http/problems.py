"""The catalogue of all problems that clients can get (RFC 9457). The table of API.md lists the same types.

Any code may raise a `Problem`; this module renders it. The `detail` is for the caller. It never quotes a token, and
never says anything about other people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from ..telemetry.counts import RequestCounts
from . import pages
from .navigation import is_navigation
from .parts import Given, given

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 20
_MAX_POINTER_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem. Its `type` and `title` never change; clients may rely on them."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return f"urn:problem-type:todo:{self.slug}"


INVALID_REQUEST = ProblemType("invalid-request", 400, "The credentials are not sent as RFC 6750 says")
INVALID_JSON = ProblemType("invalid-json", 400, "The body is not JSON")
INVALID_PARAMETER = ProblemType("invalid-parameter", 400, "A query parameter is wrong")
INVALID_CURSOR = ProblemType("invalid-cursor", 400, "The cursor was not made here for this list")
INVALID_SYNC_TOKEN = ProblemType("invalid-sync-token", 400, "The token was not made here for these changes")
INVALID_IDEMPOTENCY_KEY = ProblemType("invalid-idempotency-key", 400, "Idempotency-Key is not one string")
AUTHENTICATION_REQUIRED = ProblemType("authentication-required", 401, "An access token is needed")
INVALID_TOKEN = ProblemType("invalid-token", 401, "The access token is not valid")
INSUFFICIENT_USER_AUTHENTICATION = ProblemType(
    "insufficient-user-authentication", 401, "One has to sign in again for this"
)
INSUFFICIENT_SCOPE = ProblemType("insufficient-scope", 403, "The access token does not allow this")
FOREIGN_ORIGIN = ProblemType("foreign-origin", 403, "Pages of this origin may not call this")
INSUFFICIENT_ROLE = ProblemType("insufficient-role", 403, "The list is shared for less than this")
OTHER_USER = ProblemType("other-user", 403, "The path belongs to another user")
QUOTA_EXCEEDED = ProblemType("quota-exceeded", 403, "There is no room for more")
NOT_FOUND = ProblemType("not-found", 404, "Nothing is here")
METHOD_NOT_ALLOWED = ProblemType("method-not-allowed", 405, "The resource does not do this")
OWN_LIST = ProblemType("own-list", 409, "The list is yours already")
REQUEST_IN_PROGRESS = ProblemType("request-in-progress", 409, "The same request is being processed")
BATCH_NOT_APPLIED = ProblemType("batch-not-applied", 409, "Nothing of the batch was done")
SYNC_TOKEN_EXPIRED = ProblemType("sync-token-expired", 410, "The token is too old to continue from")
PRECONDITION_FAILED = ProblemType("precondition-failed", 412, "The todo has changed")
CONTENT_TOO_LARGE = ProblemType("content-too-large", 413, "The body is too large")
UNSUPPORTED_MEDIA_TYPE = ProblemType("unsupported-media-type", 415, "The body has the wrong content type")
INVALID_FIELDS = ProblemType("invalid-fields", 422, "The body has wrong members")
IDEMPOTENCY_KEY_REUSED = ProblemType("idempotency-key-reused", 422, "The key belongs to another request")
PRECONDITION_REQUIRED = ProblemType("precondition-required", 428, "The request must name a version")
RATE_LIMIT_EXCEEDED = ProblemType("rate-limit-exceeded", 429, "There were too many requests")
INTERNAL_ERROR = ProblemType("internal-error", 500, "Something is broken here")
KEYS_UNAVAILABLE = ProblemType("keys-unavailable", 503, "Tokens cannot be verified at the moment")
STATUS_UNAVAILABLE = ProblemType("status-unavailable", 503, "Whether the token was revoked is not known")
DATABASE_UNAVAILABLE = ProblemType("database-unavailable", 503, "Todos cannot be read or written at the moment")

CATALOGUE = tuple(value for value in list(vars().values()) if isinstance(value, ProblemType))


class Problem(Exception):
    """An error that ends the request; the client gets it as a problem document."""

    def __init__(
        self,
        problem_type: ProblemType,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence["FieldError"] = (),
    ) -> None:
        super().__init__(detail)
        self.problem_type = problem_type
        self.detail = detail
        self.headers = headers
        self.errors = errors


class FieldError(BaseModel):
    """An error at one place in a request."""

    pointer: str | None = Field(default=None, description="JSON Pointer (RFC 6901) into the body")
    parameter: str | None = Field(default=None, description="name of the query parameter")
    detail: str
    status: int | None = Field(default=None, description="status of this operation of a batch")


class ProblemDocument(BaseModel):
    """Problem details (RFC 9457 §3.1)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str = Field(description="path of the request")
    request_id: str | None = Field(default=None, description="value of X-Request-ID; quote it when you ask for help")
    errors: list[FieldError] | None = None


@dataclass(frozen=True)
class ProblemParts(Given):
    counts: RequestCounts


def render(request: Request, problem: Problem) -> Response:
    """The problem document; for a person's browser that opens the address, a page."""
    kind = problem.problem_type
    if is_navigation(request):
        given(request, ProblemParts).counts.problems.add(kind.slug)
        page = pages.describe(kind.status, request.scope.get("request_id", ""))
        return HTMLResponse(page, kind.status, {**(problem.headers or {}), **pages.HEADERS})
    content = describe(request, problem).model_dump(exclude_none=True)
    return JSONResponse(content, kind.status, problem.headers, media_type=MEDIA_TYPE)


def describe(request: Request, problem: Problem) -> ProblemDocument:
    """The problem document. The problem is counted."""
    kind = problem.problem_type
    given(request, ProblemParts).counts.problems.add(kind.slug)
    return ProblemDocument(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=quote(request.scope["path"]),
        request_id=request.scope.get("request_id"),
        errors=list(problem.errors[:_MAX_ERRORS]) or None,
    )


def pointer(location: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901 §3). It is cut to a maximum length, as a client may send very long names."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in escaped)[:_MAX_POINTER_LENGTH]


def responses(*kinds: ProblemType) -> dict[int | str, dict[str, Any]]:
    """The responses with these problems, for a route's OpenAPI description."""
    documented: dict[int | str, dict[str, Any]] = {}
    for status in sorted({kind.status for kind in kinds}):
        slugs = ", ".join(f"`{kind.slug}`" for kind in kinds if kind.status == status)
        documented[status] = {
            "description": f"{HTTPStatus(status).phrase}: {slugs}",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
    return documented
