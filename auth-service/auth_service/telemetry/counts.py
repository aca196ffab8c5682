"""What happens in this service, counted: the HTTP requests, and the events of its own domain."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from .metrics import Durations, Metric

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PASSWORD = ("password",)
SUCCEEDED = "succeeded"
SESSION = "session"  # in the place of a grant type: the Better Auth protocol's way to a token
SIGN_IN_OUTCOMES = (SUCCEEDED, "refused", "suspended", "held", "busy")
SIGN_UP_OUTCOMES = (SUCCEEDED, "taken", "common_password", "busy")


def _counter(name: str, what: str, *labels: str, known: tuple[tuple[str, ...], ...] = ()) -> Metric:
    """What is known to be possible is there from the start, so that the first time shows as an increase."""
    return Metric(name, "counter", what, labels, dict.fromkeys(known if labels else ((),), 0))


def _requests() -> Durations:
    labels = ("http_request_method", "http_route", "http_response_status_code")
    return Durations("http_server_request_duration_seconds", "How long requests took, by the route's template", labels)


def _active() -> Metric:
    return Metric("http_server_active_requests", "gauge", "Requests that are under way", (), {(): 0})


def _sign_ins() -> Metric:
    known = tuple((*PASSWORD, outcome) for outcome in SIGN_IN_OUTCOMES)
    return _counter("auth_sign_ins_total", "Sign-ins that were tried", "method", "outcome", known=known)


def _sign_ups() -> Metric:
    known = tuple((*PASSWORD, outcome) for outcome in SIGN_UP_OUTCOMES)
    return _counter("auth_sign_ups_total", "Sign-ups that were tried", "method", "outcome", known=known)


def _tokens(grant_types: Iterable[str]) -> Metric:
    known = tuple((each,) for each in (*grant_types, SESSION))
    return _counter("auth_tokens_issued_total", "Access tokens that were handed out", "grant_type", known=known)


def _refusals() -> Metric:
    return _counter("auth_oauth_refusals_total", "Errors that clients were answered", "http_route", "error")


def _reused(name: str, credential: str) -> Metric:
    what = f"Grants that ended because a spent {credential} was shown"
    return _counter(f"auth_{name}_reuse_detected_total", what)


def _held() -> Metric:
    return _counter("auth_password_attempts_held_total", "Passwords that were not looked at: too many attempts before")


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Made with the application; each process has its own, and each starts at nothing."""

    requests: Durations = field(default_factory=_requests)
    active_requests: Metric = field(default_factory=_active)
    sign_ins: Metric = field(default_factory=_sign_ins)
    sign_ups: Metric = field(default_factory=_sign_ups)
    tokens_issued: Metric
    oauth_refusals: Metric = field(default_factory=_refusals)
    refresh_reuse: Metric = field(default_factory=lambda: _reused("refresh", "refresh token"))
    code_reuse: Metric = field(default_factory=lambda: _reused("code", "code"))
    attempts_held: Metric = field(default_factory=_held)

    @classmethod
    def at_zero(cls, grant_types: Iterable[str]) -> Self:
        return cls(tokens_issued=_tokens(grant_types))

    def __iter__(self) -> Iterator[Metric | Durations]:
        return iter(vars(self).values())

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request has ended. Route is a template, or nothing where none fitted: never what was asked for."""
        self.requests.observe((method if method in METHODS else "_OTHER", route, str(status)), seconds)


@contextmanager
def counting(metric: Metric, method: tuple[str], refusals: Mapping[type[Exception], str]) -> Iterator[None]:
    """Count how the block ends: well, or by one of these refusals. What nobody foresaw is not counted here."""
    try:
        yield
    except tuple(refusals) as refusal:
        metric.add(*method, refusals[type(refusal)])
        raise
    metric.add(*method, SUCCEEDED)
