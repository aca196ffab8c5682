"""What happens to requests, counted since the process started."""

from collections import Counter
from dataclasses import dataclass, field

from .metrics import Durations

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@dataclass(slots=True)
class RequestCounts:
    """By route, problem type and reason: there are a few of each. For one event loop."""

    active: int = 0
    durations: Durations = field(default_factory=Durations)
    problems: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)  # of tokens, by the text of InvalidToken

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the template, or nothing where none fitted: never what was asked for."""
        shown = method if method in _METHODS else "_OTHER"
        labels = f'{{http_request_method="{shown}",http_route="{route}",http_response_status_code="{status}"}}'
        self.durations.observe(labels, seconds)
