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
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.responses import JSONResponse
from fastapi.security.base import SecurityBase

from .access_token import AccessToken
from .policy import WhenStale
from .refusals import Refused
from .verifier import Verifier

RETRY_AFTER = "5"  # seconds
_WELL_KNOWN = "/.well-known/oauth-protected-resource"


class Protection:
    """Protects an application with one verifier. `router` serves the resource's metadata (RFC 9728), if it is a URL."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.router = APIRouter(include_in_schema=False)
        self.resource_metadata: str | None = None
        self._scopes: set[str] = set()
        resource = urlsplit(verifier.audience)
        if resource.scheme in ("https", "http"):
            path = _WELL_KNOWN + resource.path.rstrip("/")  # RFC 9728 §3.1
            self.resource_metadata = f"{resource.scheme}://{resource.netloc}{path}"
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
        self._scopes.update(scopes)
        age = timedelta(seconds=max_age) if isinstance(max_age, int) else max_age
        return Depends(_Requirement(self, scopes, role, age, when_stale))

    def refusal(self, status: int, detail: str, error: str = "", **parameters: str) -> HTTPException:
        """A refusal with a challenge. Without a token in the request it has no error code (RFC 6750 §3.1)."""
        given = {"error": error, "error_description": detail, **parameters} if error else {}
        if self.resource_metadata is not None:
            given["resource_metadata"] = self.resource_metadata
        challenge = "Bearer " + ", ".join(f'{name}="{value}"' for name, value in given.items())
        return HTTPException(status, detail, {"WWW-Authenticate": challenge.rstrip()})

    async def _metadata(self) -> JSONResponse:
        members = {
            "resource": self.verifier.audience,
            "authorization_servers": [self.verifier.issuer],
            "scopes_supported": sorted(self._scopes),
            "bearer_methods_supported": ["header"],
        }
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=3600"}
        return JSONResponse(members, headers=headers)


class _Requirement(SecurityBase):
    def __init__(
        self,
        protection: Protection,
        scopes: tuple[str, ...],
        role: str | None,
        max_age: timedelta | None,
        when_stale: WhenStale | None,
    ) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="RFC 9068 access token")
        self.scheme_name = "accessToken"
        self._protection = protection
        self._scopes, self._role, self._max_age, self._when_stale = scopes, role, max_age, when_stale

    async def __call__(self, request: Request) -> AccessToken:
        refusal, verifier = self._protection.refusal, self._protection.verifier
        try:
            token = await verifier.verify_or_wait(self._find(request), when_stale=self._when_stale)
        except Refused as refused:
            if refused.is_temporary:
                raise HTTPException(503, f"Try again later: {refused}.", {"Retry-After": RETRY_AFTER}) from None
            raise refusal(401, f"The token is refused: {refused}.", "invalid_token") from None
        if not token.scope.issuperset(self._scopes):
            needed = " ".join(self._scopes)
            raise refusal(403, f"The token needs the scope {needed}.", "insufficient_scope", scope=needed)
        if self._role is not None and self._role not in token.roles:
            raise HTTPException(403, f"This needs the role {self._role}.")
        if self._max_age is not None and not verifier.has_recent_sign_in(token, self._max_age):
            seconds = str(int(self._max_age.total_seconds()))
            detail = f"This needs a sign-in within the last {seconds} seconds."
            raise refusal(401, detail, "insufficient_user_authentication", max_age=seconds)
        return token

    def _find(self, request: Request) -> str:
        """The one token of the one Authorization header (RFC 6750 §2.1). Tokens in a query end up in logs."""
        credentials = request.headers.getlist("Authorization")
        if len(credentials) > 1 or "access_token" in request.query_params:
            raise self._protection.refusal(400, "Send one token, in the Authorization header.", "invalid_request")
        scheme, _, token = credentials[0].partition(" ") if credentials else ("", "", "")
        if scheme.lower() != "bearer":
            raise self._protection.refusal(401, "Send an access token of the issuer as a bearer token.")
        return token.strip(" ")
