"""An API that is not ours: an MCP server with fastmcp's own JWT verifier, and only its required settings."""

import os

from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier

ISSUER = os.environ["ISSUER"]
verifier = JWTVerifier(
    jwks_uri=f"{ISSUER}/.well-known/jwks.json",
    issuer=ISSUER,
    audience=os.environ["API"],
    required_scopes=["notes:read"],
)
server = FastMCP("Notes", auth=verifier)


@server.tool
def count_notes() -> int:
    """How many notes there are."""
    return 3


if __name__ == "__main__":
    server.run(transport="http", host="127.0.0.1", port=int(os.environ["PORT"]), show_banner=False, stateless_http=True)
