"""Metrics of a worker's duties: leases, times and failures."""

from collections.abc import Iterator, Sequence

from ..telemetry.metrics import Metric


class DutyMetrics:
    """Every duty is listed from the start, so that one that never runs is visible."""

    def __init__(self, names: Sequence[str]) -> None:
        duties = [(name,) for name in names]
        self.lease_held = Metric(
            "auth_lease_held", "gauge", "1: this worker performs the duty", ("duty",), dict.fromkeys(duties, 0)
        )
        self.performed_at = Metric(
            "auth_duty_performed_timestamp_seconds", "gauge", "When this worker last performed the duty", ("duty",)
        )
        self.failures = Metric(
            "auth_duty_failures_total", "counter", "Failures of the duty", ("duty",), dict.fromkeys(duties, 0)
        )

    def __iter__(self) -> Iterator[Metric]:
        return iter((self.lease_held, self.performed_at, self.failures))
