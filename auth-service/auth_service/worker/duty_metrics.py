"""How a worker's duties are doing."""

from collections.abc import Iterator, Sequence

from ..telemetry.metrics import Metric


class DutyMetrics:
    """Each duty is there from the start, so that one which is never done shows."""

    def __init__(self, names: Sequence[str]) -> None:
        duties = [(name,) for name in names]
        self.lease_held = Metric(
            "auth_lease_held", "gauge", "1: this worker does the duty", ("duty",), dict.fromkeys(duties, 0)
        )
        self.performed_at = Metric(
            "auth_duty_performed_timestamp_seconds", "gauge", "When this worker last did it", ("duty",)
        )
        self.failures = Metric(
            "auth_duty_failures_total", "counter", "Times that it failed", ("duty",), dict.fromkeys(duties, 0)
        )

    def __iter__(self) -> Iterator[Metric]:
        return iter((self.lease_held, self.performed_at, self.failures))
