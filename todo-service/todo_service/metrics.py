"""/metrics in Prometheus' text format: how the key set (CHECKLISTS J14) and the status lists are doing.

The gateway does not route it.
"""

import hashlib
from collections.abc import Iterator
from itertools import chain

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from todo_service.jwks import JwksCache
from todo_service.status_list import LAGGING_AFTER
from todo_service.status_lists import StatusLists

router = APIRouter(tags=["health"])


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> PlainTextResponse:
    """What happened since the process started."""
    state, now = request.app.state, request.app.state.clock()
    lines = chain(_render(state.jwks, now), _render_status_lists(state.status_lists, now))
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


def _render_status_lists(lists: StatusLists, now: float) -> Iterator[str]:
    """By the signed `iat` alone. Whether a list is stale depends on the token, so that is counted where it is seen."""
    counts, held = lists.counts, tuple(lists.held)
    yield from _metric("status_list_fetches_total", "counter", _labelled(counts.fetches))
    yield from _metric("status_list_hints_total", "counter", _labelled(counts.hints))
    yield from _metric("status_list_checks_total", "counter", _labelled(counts.checks))
    yield from _metric("status_lists", "gauge", {"": len(held)})
    if held:
        ages = [now - each.iat for each in held]
        lagging = sum(age > LAGGING_AFTER.total_seconds() for age in ages)
        yield from _metric("status_lists_lagging", "gauge", {"": lagging})
        yield from _metric("status_list_age_seconds", "gauge", {"": max(0.0, *ages)})


def _labelled(results: dict[str, int]) -> dict[str, float]:
    return {f'{{result="{result}"}}': count for result, count in results.items()}


def _metric(name: str, kind: str, values: dict[str, float]) -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    yield from (f"{name}{labels} {value}" for labels, value in values.items())
