"""/metrics of the serving process: its counters, and gauges that are read when Prometheus asks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..accounts.passwords import PasswordHasher
from ..http.parts import Given
from ..keys.ring import HeldKeys, KeyRing
from ..limits.clients import ClientLimits
from ..status_lists.published import PublishedStatusLists
from ..store.database import Database
from ..store.instants import Clock
from ..telemetry.counts import RequestCounts
from ..telemetry.metrics import Durations, Labels, Metric
from ..telemetry.process_metrics import pool_metrics, process_metrics
from ..worker.schedule import Pace

SET_BACK = "1 if the database is older than it was, and `restore` has not been run since"
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


def collect_metrics(parts: MetricsParts, pace: Pace) -> Sequence[Metric | Durations]:
    now = parts.clock()
    lost: dict[Labels, float] = {(): int(parts.client_limits.has_lost_redis)}
    return (
        *parts.counts,
        *_of_keys({"tokens": parts.keys.current, "status_lists": parts.status_list_keys.current}, pace, now),
        *_of_status_lists(parts.status_lists, now),
        Metric("auth_password_hashes", "gauge", "Hashes in progress or waiting", (), {(): parts.passwords.taken}),
        Metric("redis_lost", "gauge", REDIS_LOST, (), lost, joined="max"),
        *pool_metrics(parts.database),
        *process_metrics(),
    )


def _of_keys(held: Mapping[str, HeldKeys], pace: Pace, now: datetime) -> Iterator[Metric]:
    """One series for each algorithm that has an active key."""
    labels = ("signs", "alg")
    what = "Time since the active key began to sign"
    age = Metric("auth_signing_key_age_seconds", "gauge", what, labels, joined="max")
    due = Metric(
        "auth_signing_key_rotation_due_seconds",
        "gauge",
        "Time until the active key is due for replacement; negative if overdue",
        labels,
        joined="min",
    )
    for signs, alg, keys in ((signs, alg, keys) for signs, each in held.items() for alg, keys in each.sets.items()):
        if keys.active_since is None:
            continue
        age.set(signs, alg, to=(now - keys.active_since).total_seconds())
        if keys.spare_since is not None:
            due_at = pace.due_at(active_since=keys.active_since, spare_since=keys.spare_since)
            due.set(signs, alg, to=(due_at - now).total_seconds())
    yield from (age, due)


def _of_status_lists(lists: PublishedStatusLists, now: datetime) -> Iterator[Metric]:
    """One series per list, labelled by its number. There are only as many lists as the live tokens need."""
    label, changed, signed = (
        ("status_list",),
        "How often a status list has changed",
        "Time since a status list was signed",
    )
    version = Metric("auth_status_list_version", "gauge", changed, label, joined="min")
    age = Metric("auth_status_list_age_seconds", "gauge", signed, label, joined="max")
    for number, published in lists.current.items():
        version.set(str(number), to=published.version)
        age.set(str(number), to=(now - published.signed_at).total_seconds())
    set_back: dict[Labels, float] = {(): int(lists.is_set_back)}
    yield from (version, age, Metric("auth_database_set_back", "gauge", SET_BACK, (), set_back, joined="max"))
