"""Preflights where any origin may send any header field (the Fetch standard's CORS protocol): public documents."""

from fastapi import APIRouter, Request, Response

MAX_AGE = 600  # seconds
READING = "GET, HEAD"


def add_preflight(router: APIRouter, *paths: str, methods: str = READING) -> None:
    async def preflight(request: Request) -> Response:
        return _answer(request, methods)

    for path in paths:
        router.add_api_route(path, preflight, methods=["OPTIONS"], include_in_schema=False)


def _answer(request: Request, methods: str) -> Response:
    """Allow what was asked for by name: `*` does not include Authorization, and older browsers do not know it."""
    headers = {"Allow": f"{methods}, OPTIONS"}
    if "access-control-request-method" in request.headers:
        headers |= {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Max-Age": str(MAX_AGE),
            "Vary": "Access-Control-Request-Headers",
        }
        if asked := request.headers.get("access-control-request-headers"):
            headers["Access-Control-Allow-Headers"] = asked
    return Response(status_code=204, headers=headers)
