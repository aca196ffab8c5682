"""FastAPI: `Protection.requires` declares the access token that an endpoint needs, and refuses all others.

    protection = Protection(Verifier("https://id.example.com", "https://api.example.com"))
    app = FastAPI(lifespan=protection.lifespan)
    app.include_router(protection.router)

    @app.get("/invoices")
    async def invoices(token: Annotated[AccessToken, protection.requires("invoices:read")]) -> list[str]: ...

Refusals are `HTTPException`s with the challenges of RFC 6750 §3, RFC 9470 §3 and RFC 9728 §5.1. No header quotes what a
caller sent.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import JSONResponse
from fastapi.security.base import SecurityBase

from .access_token import AccessToken
from .bearer import METADATA_HEADERS, Denied, Requirement, Resource, Sent, admit, refuse_in_query
from .policy import WhenStale
from .verifier import Verifier


class Protection:
    """Protects an application with one verifier. `router` serves the resource's metadata (RFC 9728), if it is a URL.

    Args:
        base_url: what stands before the path in the URLs that clients use, for DPoP (RFC 9449); without it the origin
            of the verifier's audience.
    """

    def __init__(self, verifier: Verifier, *, base_url: str = "") -> None:
        self.verifier, self.resource = verifier, Resource(verifier, base_url)
        self.router = APIRouter(include_in_schema=False)
        self._scopes: set[str] = set()
        if path := self.resource.metadata_path:
            self.router.add_api_route(path, self._metadata, response_class=JSONResponse)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Keep keys and status lists fresh while the application runs."""
        async with self.verifier:
            yield

    def requires(
        self,
        *scopes: str,
        role: str | None = None,
        max_age: timedelta | int | None = None,
        when_stale: WhenStale | None = None,
    ) -> Any:
        """A dependency that returns the token, if it has all scopes and the role.

        Args:
            max_age: the person must have signed in within this time (seconds, or a timedelta). A service's own token
                always passes, because the service authenticated itself to get it.
            when_stale: replaces the policy's; ACCEPT suits endpoints that only read.
        """
        requirement = Requirement.of(scopes, () if role is None else (role,), max_age)
        self._scopes.update(requirement.scopes)
        return Depends(_Required(self, requirement, when_stale))

    def refusal(self, denied: Denied) -> HTTPException:
        return HTTPException(denied.status, str(denied), self.resource.headers(denied))

    async def _metadata(self) -> JSONResponse:
        return JSONResponse(self.resource.metadata(self._scopes), headers=METADATA_HEADERS)


class _Required(SecurityBase):
    def __init__(self, protection: Protection, requirement: Requirement, when_stale: WhenStale | None) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="RFC 9068 access token")
        self.scheme_name = "accessToken"
        self._protection, self._requirement, self._when_stale = protection, requirement, when_stale

    async def __call__(self, request: Request) -> AccessToken:
        try:
            return await self._admit(request)
        except Denied as denied:
            raise self._protection.refusal(denied) from None

    async def _admit(self, request: Request) -> AccessToken:
        refuse_in_query(request.query_params)
        authorization = request.headers.getlist("Authorization")
        path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
        url = self._protection.resource.url(path.decode("latin-1"))
        sent = Sent(request.method, url, request.headers.getlist("DPoP"))
        verifier = self._protection.verifier
        return await admit(verifier, authorization, self._requirement, sent=sent, when_stale=self._when_stale)
