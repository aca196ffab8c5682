"""/metrics of the serving process: its counters, and gauges that are read when Prometheus asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ..accounts.passwords import PasswordHasher
from ..http.parts import Given
from ..keys.ring import KeyRing
from ..limits.clients import ClientLimits
from ..status_lists.published import PublishedStatusLists
from ..store.database import Database
from ..store.instants import Clock
from ..telemetry.counts import RequestCounts
from ..telemetry.metrics import Metric, render
from ..telemetry.process_metrics import pool_metrics, process_metrics
from ..worker.schedule import Pace

REDIS_LOST = "1 if Redis is configured but does not answer; each process then limits by itself"


@dataclass(frozen=True)
class MetricsParts(Given):
    clock: Clock
    counts: RequestCounts
    database: Database
    keys: KeyRing
    status_list_keys: KeyRing
    status_lists: PublishedStatusLists
    passwords: PasswordHasher
    client_limits: ClientLimits


def render_metrics(parts: MetricsParts, pace: Pace) -> str:
    now = parts.clock()
    return render(
        (
            *parts.counts,
            *_of_keys({"tokens": parts.keys, "status_lists": parts.status_list_keys}, pace, now),
            *_of_status_lists(parts.status_lists, now),
            Metric("auth_password_hashes", "gauge", "Hashes in progress or waiting", (), {(): parts.passwords.taken}),
            Metric("redis_lost", "gauge", REDIS_LOST, (), {(): int(parts.client_limits.has_lost_redis)}),
            *pool_metrics(parts.database),
            *process_metrics(),
        )
    )


def _of_keys(rings: dict[str, KeyRing], pace: Pace, now: datetime) -> Iterator[Metric]:
    age = Metric("auth_signing_key_age_seconds", "gauge", "Time since the active key began to sign", ("signs",))
    due = Metric(
        "auth_signing_key_rotation_due_seconds",
        "gauge",
        "Time until the active key is due for replacement; negative if overdue",
        ("signs",),
    )
    for signs, ring in rings.items():
        keys = ring.current
        age.set(signs, to=(now - keys.active_since).total_seconds())
        if keys.spare_since is not None:
            due_at = pace.due_at(active_since=keys.active_since, spare_since=keys.spare_since)
            due.set(signs, to=(due_at - now).total_seconds())
    yield from (age, due)


def _of_status_lists(lists: PublishedStatusLists, now: datetime) -> Iterator[Metric]:
    """One series per list, labelled by its number. There are only as many lists as the live tokens need."""
    version = Metric("auth_status_list_version", "gauge", "How often a status list has changed", ("status_list",))
    age = Metric("auth_status_list_age_seconds", "gauge", "Time since a status list was signed", ("status_list",))
    for number, published in lists.current.items():
        version.set(str(number), to=published.version)
        age.set(str(number), to=(now - published.signed_at).total_seconds())
    yield from (version, age)
