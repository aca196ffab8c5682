"""Counters of HTTP requests and of refusals."""

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
    return Metric("todo_problems_total", "counter", "Problems sent to clients, by type", ("type",))


def _event_streams() -> Metric:
    return Metric("todo_event_streams", "gauge", "Open streams of events", (), {(): 0})


def _rejections() -> Metric:
    """The label is the text of `InvalidToken`: one of a few fixed ones, never a part of the token."""
    return Metric("todo_token_rejections_total", "counter", "Refused access tokens, by reason", ("reason",))


@dataclass(frozen=True)
class RequestCounts:
    """The counters of one process. They are made with the application and start at 0. For one event loop: no lock."""

    requests: Durations = field(default_factory=_requests)
    active_requests: Metric = field(default_factory=_active)
    problems: Metric = field(default_factory=_problems)
    rejections: Metric = field(default_factory=_rejections)
    event_streams: Metric = field(default_factory=_event_streams)

    def __iter__(self) -> Iterator[Metric | Durations]:
        return iter(vars(self).values())

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a finished request. `route` is a template, or empty if none matched; never the requested path."""
        self.requests.observe((method if method in METHODS else "_OTHER", route, str(status)), seconds)
