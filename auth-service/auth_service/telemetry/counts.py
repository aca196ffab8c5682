"""Counters of HTTP requests and of domain events, such as sign-ins and issued tokens."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from .metrics import Durations, Metric

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
PASSWORD = ("password",)
SECOND_FACTOR = ("second_factor",)
MAIL_LINK = ("mail_link",)
MAIL_CODE = ("mail_code",)
PASSKEY = ("passkey",)
UPSTREAM = ("upstream",)
SUCCEEDED = "succeeded"
SESSION = "session"  # instead of a grant type: a token issued for a session by the Better Auth endpoint
SIGN_IN_OUTCOMES = (SUCCEEDED, "second_factor", "refused", "suspended", "unverified", "held", "busy")
SECOND_FACTOR_OUTCOMES = (SUCCEEDED, "refused", "suspended", "held")
MAIL_LINK_OUTCOMES = (SUCCEEDED, "second_factor", "refused")
MAIL_CODE_OUTCOMES = (*MAIL_LINK_OUTCOMES, "held")
SIGN_UP_OUTCOMES = (SUCCEEDED, "taken", "common_password", "personal_password", "breached_password", "held", "busy")
PWNED_OUTCOMES = ("found", "unknown", "failed")
USER_CODE_OUTCOMES = ("accepted", "unknown", "held")
PASSKEY_OUTCOMES = (SUCCEEDED, "refused", "suspended", "unverified")
UPSTREAM_OUTCOMES = (*SIGN_IN_OUTCOMES[:-1], "declined", "unavailable")


def _counter(name: str, what: str, *labels: str, known: tuple[tuple[str, ...], ...] = ()) -> Metric:
    """A counter. The `known` label values start at 0, so that their first event shows as an increase."""
    return Metric(name, "counter", what, labels, dict.fromkeys(known if labels else ((),), 0))


def _requests() -> Durations:
    labels = ("http_request_method", "http_route", "http_response_status_code")
    return Durations("http_server_request_duration_seconds", "Duration of requests, by route template", labels)


def _active() -> Metric:
    return Metric("http_server_active_requests", "gauge", "Requests in progress", (), {(): 0})


def _sign_ins() -> Metric:
    known = [(*PASSWORD, outcome) for outcome in SIGN_IN_OUTCOMES]
    known += [(*SECOND_FACTOR, outcome) for outcome in SECOND_FACTOR_OUTCOMES]
    known += [(*MAIL_LINK, outcome) for outcome in MAIL_LINK_OUTCOMES]
    known += [(*MAIL_CODE, outcome) for outcome in MAIL_CODE_OUTCOMES]
    known += [(*PASSKEY, outcome) for outcome in PASSKEY_OUTCOMES]
    known += [(*UPSTREAM, outcome) for outcome in UPSTREAM_OUTCOMES]
    return _counter("auth_sign_ins_total", "Attempted sign-ins", "method", "outcome", known=tuple(known))


def _sign_ups() -> Metric:
    known = tuple((*PASSWORD, outcome) for outcome in SIGN_UP_OUTCOMES)
    return _counter("auth_sign_ups_total", "Attempted sign-ups", "method", "outcome", known=known)


def _tokens(grant_types: Iterable[str]) -> Metric:
    known = tuple((each,) for each in (*grant_types, SESSION))
    return _counter("auth_tokens_issued_total", "Issued access tokens", "grant_type", known=known)


def _refusals() -> Metric:
    return _counter("auth_oauth_refusals_total", "Errors sent to clients", "http_route", "error")


def _reused(name: str, credential: str) -> Metric:
    what = f"Grants ended because a used {credential} was presented again"
    return _counter(f"auth_{name}_reuse_detected_total", what)


def _user_codes() -> Metric:
    known = tuple((each,) for each in USER_CODE_OUTCOMES)
    return _counter("auth_user_codes_total", "User codes of devices that were typed", "outcome", known=known)


def _pwned() -> Metric:
    known = tuple((each,) for each in PWNED_OUTCOMES)
    return _counter("auth_pwned_password_lookups_total", "New passwords looked up elsewhere", "outcome", known=known)


def _held() -> Metric:
    return _counter("auth_password_attempts_held_total", "Password attempts refused without a check, after too many")


@dataclass(frozen=True, kw_only=True)
class RequestCounts:
    """The counters of one process. They are made with the application and start at 0."""

    requests: Durations = field(default_factory=_requests)
    active_requests: Metric = field(default_factory=_active)
    sign_ins: Metric = field(default_factory=_sign_ins)
    sign_ups: Metric = field(default_factory=_sign_ups)
    tokens_issued: Metric
    oauth_refusals: Metric = field(default_factory=_refusals)
    refresh_reuse: Metric = field(default_factory=lambda: _reused("refresh", "refresh token"))
    code_reuse: Metric = field(default_factory=lambda: _reused("code", "code"))
    user_codes: Metric = field(default_factory=_user_codes)
    attempts_held: Metric = field(default_factory=_held)
    pwned_lookups: Metric = field(default_factory=_pwned)

    @classmethod
    def at_zero(cls, grant_types: Iterable[str]) -> Self:
        return cls(tokens_issued=_tokens(grant_types))

    def __iter__(self) -> Iterator[Metric | Durations]:
        return iter(vars(self).values())

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a finished request. `route` is a template, or empty if none matched; never the requested path."""
        self.requests.observe((method if method in METHODS else "_OTHER", route, str(status)), seconds)


@contextmanager
def counting(metric: Metric, method: tuple[str], refusals: Mapping[type[Exception], str]) -> Iterator[None]:
    """Count how the block ends: successfully, or with one of the `refusals`. Other exceptions are not counted."""
    try:
        yield
    except tuple(refusals) as refusal:
        metric.add(*method, refusals[type(refusal)])
        raise
    metric.add(*method, SUCCEEDED)
