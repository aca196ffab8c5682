"""/metrics for Prometheus, on a port of its own: requests, key set (rule J14 of VERIFIER.md), status lists, process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from fastapi.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from atjwt import KeysReport, Report, StatusListsReport

from ..limits.subjects import RateLimit
from ..store.database import Database
from .counts import RequestCounts
from .metrics import MEDIA_TYPE, Durations, Labels, Metric, render
from .process_metrics import pool_metrics, process_metrics
from .shared_metrics import SharedMetrics

PATH = "/metrics"
REDIS_LOST = "1 if Redis is configured but does not answer; each process then limits by itself"


class MetricsPort:
    """Answer requests on the metrics port. The application never sees them, and has no /metrics on its own port."""

    def __init__(
        self,
        app: ASGIApp,
        port: int,
        collect: Callable[[], Sequence[Metric | Durations]],
        shared: SharedMetrics | None,
    ) -> None:
        self._app = app
        self._port = port
        self._collect = collect
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["server"][1] != self._port:
            await self._app(scope, receive, send)
        elif (scope["method"], scope["path"]) == ("GET", PATH):
            metrics = self._collect()
            text = render(self._shared.join(metrics) if self._shared else metrics)
            answer = PlainTextResponse(text, headers={"Cache-Control": "no-store"}, media_type=MEDIA_TYPE)
            await answer(scope, receive, send)
        else:
            await Response(status_code=404)(scope, receive, send)


def collect_metrics(
    counts: RequestCounts,
    verifier: Report,
    rate_limit: RateLimit | None,
    database: Database,
) -> Sequence[Metric | Durations]:
    lost = rate_limit is not None and rate_limit.has_lost_redis
    return (
        *counts,
        *_of_keys(verifier.keys),
        *_of_status_lists(verifier.status_lists),
        _gauge("redis_lost", REDIS_LOST, int(lost), "max"),
        *pool_metrics(database),
        *process_metrics(),
    )


def _of_keys(keys: KeysReport) -> Iterator[Metric]:
    counts = keys.counts
    yield _gauge(
        "jwks_last_attempt_timestamp_seconds", "When a fetch of the key set last began", counts.attempted_at, "min"
    )
    yield _gauge("jwks_last_success_timestamp_seconds", "When a fetch last succeeded", counts.succeeded_at, "min")
    yield _by_result("jwks_fetches_total", "Fetches of the key set", counts.fetches)
    yield _by_result("jwks_forced_total", "Searches for an unknown kid, by result", counts.forced)
    yield Metric("jwks_unknown_kid_total", "counter", "Tokens with an unknown kid", (), {(): counts.unknown_kids})
    yield _gauge("jwks_keys", "Usable keys for access tokens", len(keys.kids), "min")
    if keys.age is not None and keys.digest is not None:
        yield _gauge("jwks_stale_seconds", "Age of the key set: time since a fetch last succeeded", keys.age, "max")
        held: dict[Labels, float] = {(keys.digest,): 1}
        yield Metric("jwks_info", "gauge", "1, for the key set with this hash", ("hash",), held, joined="max")


def _of_status_lists(lists: StatusListsReport) -> Iterator[Metric]:
    """Ages count from the signed `iat`. Whether a list is stale depends on the token: see `checks`."""
    counts = lists.counts
    yield _by_result("status_list_fetches_total", "Fetches of status lists", counts.fetches)
    yield _by_result("status_list_hints_total", "Hints that a status list has changed", counts.hints)
    yield _by_result("status_list_checks_total", "Checks of a token with another result than valid", counts.checks)
    yield _gauge("status_lists", "Status lists in memory", len(lists.held), "min")
    if lists.oldest is not None:
        yield _gauge("status_lists_lagging", "Status lists older than two minutes", lists.lagging, "max")
        yield _gauge("status_list_age_seconds", "Age of the oldest status list", lists.oldest, "max")


def _gauge(name: str, what: str, value: float, joined: Literal["max", "min"]) -> Metric:
    """A gauge of several processes is that of the process that is worst off."""
    return Metric(name, "gauge", what, (), {(): value}, joined)


def _by_result(name: str, what: str, counts: Mapping[str, float]) -> Metric:
    return Metric(name, "counter", what, ("result",), {(result,): count for result, count in counts.items()})
