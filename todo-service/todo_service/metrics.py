"""/metrics in Prometheus' text format: how the key set is doing (CHECKLISTS J14). The gateway does not route it."""

import hashlib
from collections.abc import Iterator

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from todo_service.jwks import JwksCache

router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> PlainTextResponse:
    """What happened since the process started."""
    lines = _render(request.app.state.jwks, request.app.state.clock())
    content = "".join(f"{line}\n" for line in lines)
    media_type = "text/plain; version=0.0.4; charset=utf-8"
    return PlainTextResponse(content, headers={"Cache-Control": "no-store"}, media_type=media_type)


def _render(jwks: JwksCache, now: float) -> Iterator[str]:
    counts, held = jwks.counts, jwks.held
    yield from _metric("jwks_last_attempt_timestamp_seconds", "gauge", {"": counts.attempted_at})
    yield from _metric("jwks_last_success_timestamp_seconds", "gauge", {"": counts.succeeded_at})
    yield from _metric("jwks_fetches_total", "counter", _labelled(counts.fetches))
    yield from _metric("jwks_forced_total", "counter", _labelled(counts.forced))
    yield from _metric("jwks_unknown_kid_total", "counter", {"": counts.unknown_kids})
    yield from _metric("jwks_keys", "gauge", {"": 0 if held is None else len(held.keys)})
    if held is not None:
        digest = hashlib.sha256(held.document).hexdigest()[:16]
        yield from _metric("jwks_stale_seconds", "gauge", {"": max(0.0, now - held.fetched_at)})
        yield from _metric("jwks_info", "gauge", {f'{{hash="{digest}"}}': 1})


def _labelled(results: dict[str, int]) -> dict[str, float]:
    return {f'{{result="{result}"}}': count for result, count in results.items()}


def _metric(name: str, kind: str, values: dict[str, float]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    yield from (f"{name}{labels} {value}" for labels, value in values.items())
