"""/metrics for Prometheus, on a port of its own: requests, the key set (rule J14), status lists, the process."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain

from fastapi.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..limits.subjects import RateLimit
from ..store.database import Database
from ..verifier.jwks import JwksCache
from ..verifier.status_list import LAGGING_AFTER
from ..verifier.status_lists import StatusLists
from .counts import RequestCounts
from .metrics import MEDIA_TYPE, by, metric
from .process_metrics import pool_metrics, process_metrics

PATH = "/metrics"


class MetricsPort:
    """What arrives on that port is for Prometheus alone: the application never sees it, and has no /metrics itself."""

    def __init__(self, app: ASGIApp, port: int, render: Callable[[], str]) -> None:
        self._app = app
        self._port = port
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["server"][1] != self._port:
            await self._app(scope, receive, send)
        elif (scope["method"], scope["path"]) == ("GET", PATH):
            answer = PlainTextResponse(self._render(), headers={"Cache-Control": "no-store"}, media_type=MEDIA_TYPE)
            await answer(scope, receive, send)
        else:
            await Response(status_code=404)(scope, receive, send)


def render_metrics(
    counts: RequestCounts,
    jwks: JwksCache,
    status_lists: StatusLists,
    rate_limit: RateLimit | None,
    database: Database,
    *,
    now: float,
) -> str:
    lines = chain(
        _of_requests(counts),
        _of_keys(jwks, now),
        _of_status_lists(status_lists, now),
        _of_limits(rate_limit),
        pool_metrics(database),
        process_metrics(),
    )
    return "".join(f"{line}\n" for line in lines)


def _of_requests(counts: RequestCounts) -> Iterator[str]:
    name, what = "http_server_request_duration_seconds", "How long requests took, by the route's template"
    yield from counts.durations.lines(name, what)
    yield from metric("http_server_active_requests", "gauge", "Requests that are under way", {"": counts.active})
    yield from metric("todo_problems_total", "counter", "Refusals, by problem type", by("type", counts.problems))
    rejections = by("reason", counts.rejections)
    yield from metric("todo_token_rejections_total", "counter", "Tokens that opened nothing, and why", rejections)


def _of_limits(limit: RateLimit | None) -> Iterator[str]:
    what = "1: Redis is set and does not answer, so each process limits by itself"
    yield from metric("redis_lost", "gauge", what, {"": int(limit is not None and limit.has_lost_redis)})


def _of_keys(jwks: JwksCache, now: float) -> Iterator[str]:
    counts, held = jwks.counts, jwks.held
    attempted, succeeded = {"": counts.attempted_at}, {"": counts.succeeded_at}
    yield from metric("jwks_last_attempt_timestamp_seconds", "gauge", "When keys were last asked for", attempted)
    yield from metric("jwks_last_success_timestamp_seconds", "gauge", "When they last came", succeeded)
    yield from metric("jwks_fetches_total", "counter", "Fetches of the key set", by("result", counts.fetches))
    yield from metric("jwks_forced_total", "counter", "Of these, for an unknown kid", by("result", counts.forced))
    yield from metric("jwks_unknown_kid_total", "counter", "Tokens under an unknown kid", {"": counts.unknown_kids})
    yield from metric("jwks_keys", "gauge", "Usable keys that are held", {"": 0 if held is None else len(held.keys)})
    if held is not None:
        digest = hashlib.sha256(held.document).hexdigest()[:16]
        age = {"": max(0.0, now - held.fetched_at)}
        yield from metric("jwks_stale_seconds", "gauge", "Age of the key set: time since the issuer's last word", age)
        yield from metric("jwks_info", "gauge", "1, for the key set with this hash", by("hash", {digest: 1}))


def _of_status_lists(lists: StatusLists, now: float) -> Iterator[str]:
    """By the signed `iat` alone. Whether a list is stale depends on the token, so that is counted where it is seen."""
    counts, held = lists.counts, tuple(lists.held)
    fetches, hints, checks = (by("result", each) for each in (counts.fetches, counts.hints, counts.checks))
    yield from metric("status_list_fetches_total", "counter", "Fetches of status lists", fetches)
    yield from metric("status_list_hints_total", "counter", "Hints that a list has changed", hints)
    yield from metric("status_list_checks_total", "counter", "Tokens' statuses that were not simply valid", checks)
    yield from metric("status_lists", "gauge", "Status lists that are held", {"": len(held)})
    if held:
        ages = [now - each.iat for each in held]
        lagging = sum(age > LAGGING_AFTER.total_seconds() for age in ages)
        yield from metric("status_lists_lagging", "gauge", "Of these, older than two minutes", {"": lagging})
        yield from metric("status_list_age_seconds", "gauge", "Age of the oldest", {"": max(0.0, *ages)})
