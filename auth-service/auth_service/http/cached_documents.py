"""Public JSON documents (the key set and the metadata), with an ETag, cache rules and CORS for any origin."""

import hashlib
import json
from typing import Any

from fastapi import Request, Response

# Shared caches may serve it for 5 seconds, browsers for a minute, and both for a day while the issuer is down.
CACHE_CONTROL = "public, max-age=60, s-maxage=5, stale-if-error=86400"
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not Modified"}}


def render_document(request: Request, document: dict[str, Any], *, cache_control: str = CACHE_CONTROL) -> Response:
    """The document, or 304 if the caller has the current version (RFC 9110 §13.1.2)."""
    body = json.dumps(document, separators=(",", ":")).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": cache_control, "ETag": etag, "Access-Control-Allow-Origin": "*"}
    if known_etags(request) & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def known_etags(request: Request) -> set[str]:
    """The tags of `If-None-Match`, without the prefix `W/`: this header is compared weakly (RFC 9110 §13.1.2)."""
    listed = ",".join(request.headers.getlist("if-none-match")).split(",")
    return {tag.strip().removeprefix("W/") for tag in listed}
