"""Counters of HTTP requests and of what this service refuses."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .metrics import Durations, Metric

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _requests() -> Durations:
    labels = ("http_request_method", "http_route", "http_response_status_code")
    return Durations("http_server_request_duration_seconds", "Duration of requests, by route template", labels)


def _active() -> Metric:
    return Metric("http_server_active_requests", "gauge", "Requests in progress", (), {(): 0})


def _problems() -> Metric:
    return Metric("todo_problems_total", "counter", "Refusals, by problem type", ("type",))


def _rejections() -> Metric:
    """By the text of `InvalidToken`, which is ours."""
    return Metric("todo_token_rejections_total", "counter", "Tokens that opened nothing, and why", ("reason",))


@dataclass(frozen=True)
class RequestCounts:
    """Made with the application; each process has its own, and each starts at nothing. For one event loop."""

    requests: Durations = field(default_factory=_requests)
    active_requests: Metric = field(default_factory=_active)
    problems: Metric = field(default_factory=_problems)
    rejections: Metric = field(default_factory=_rejections)

    def __iter__(self) -> Iterator[Metric | Durations]:
        return iter(vars(self).values())

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has ended. Route is a template, or nothing where none fitted: never what was asked for."""
        self.requests.observe((method if method in METHODS else "_OTHER", route, str(status)), seconds)
