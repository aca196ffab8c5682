"""Preflights of public documents: any origin may send any header field (the Fetch standard's CORS protocol)."""

from fastapi import APIRouter, Request, Response

MAX_AGE = 600  # seconds


def add_preflight(router: APIRouter, *paths: str) -> None:
    for path in paths:
        router.add_api_route(path, _preflight, methods=["OPTIONS"], include_in_schema=False)


async def _preflight(request: Request) -> Response:
    """Allow what was asked for by name: `*` does not include Authorization, and older browsers do not know it."""
    headers = {"Allow": "GET, HEAD, OPTIONS"}
    if "access-control-request-method" in request.headers:
        headers |= {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": "GET, HEAD",
            "Access-Control-Max-Age": str(MAX_AGE),
            "Vary": "Access-Control-Request-Headers",
        }
        if asked := request.headers.get("access-control-request-headers"):
            headers["Access-Control-Allow-Headers"] = asked
    return Response(status_code=204, headers=headers)
