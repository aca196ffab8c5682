"""The MCP SDK's `TokenVerifier` (PyPI `mcp`, 2.x): an MCP server that accepts the access tokens of an issuer.

    verifier = Verifier("https://id.example.com", "https://mcp.example.com/mcp")
    server = MCPServer("invoices", token_verifier=TokenVerifier(verifier), auth=settings(verifier, "invoices:read"),
                       lifespan=running(verifier))

The SDK answers 401 for a token that is refused, 403 for a missing scope, and serves the document of RFC 9728. It has no
answer for "later": while keys are unknown, a good token gets 401, too.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

from .refusals import Refused
from .verifier import Verifier


class TokenVerifier:
    """Verifies tokens for the SDK. It waits for an unknown key only, for at most a second."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's claims in the SDK's form; None if the token is refused. `Verifier.report` counts the reasons."""
        try:
            found = await self._verifier.verify_or_wait(token)
        except Refused:
            return None
        return AccessToken(
            token=token,
            client_id=found.client_id,
            scopes=sorted(found.scope),
            expires_at=int(found.exp),
            resource=self._verifier.audience,
            subject=found.sub,
            claims=dict(found.claims),
        )


def settings(verifier: Verifier, *scopes: str) -> AuthSettings:
    """The server's `auth`. Each request needs all the scopes.

    Raises:
        ValueError: the issuer or the audience is no URL of http or https.
    """
    named = {
        "issuer_url": verifier.issuer,  # as text: as an object it would get a slash at its end
        "resource_server_url": verifier.audience,
        "required_scopes": list(scopes),
        "validate_token_resource": False,  # the verifier has compared `aud` to the letter
    }
    return AuthSettings.model_validate(named)


def running(verifier: Verifier) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """The server's `lifespan`: keys and status lists are kept fresh while it runs."""

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with verifier:
            yield

    return lifespan
