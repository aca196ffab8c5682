"""Metrics of this process, and their text format for Prometheus (exposition format 0.0.4).

There is no metrics library, because every request is counted: see DECISIONS.md, "Metrics are counted by hand". Labels
use the names of OpenTelemetry's attributes where they exist. Label values come from this code, never from a request:
otherwise callers could fill the memory, here and in Prometheus.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import add
from typing import Literal

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[str, ...]

# Seconds; the buckets that OpenTelemetry recommends for HTTP (semantic conventions, "HTTP metrics").
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_BOUNDS = (*map(str, BUCKETS), "+Inf")
_JOIN: Mapping[str, Callable[[float, float], float]] = {"sum": add, "max": max, "min": min}


@dataclass(frozen=True)
class Metric:
    """One number per combination of label values. For one event loop: there is no lock."""

    name: str
    type: Literal["counter", "gauge"]
    what: str
    labels: Labels = ()
    values: dict[Labels, float] = field(default_factory=dict)
    joined: Literal["sum", "max", "min"] = "sum"  # how the numbers of several processes become one

    def add(self, *labels: str, by: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0) + by

    def set(self, *labels: str, to: float) -> None:
        self.values[labels] = to

    def join(self, values: Mapping[Labels, float]) -> None:
        """Add the numbers of another process."""
        for labels, value in values.items():
            known = self.values.get(labels)
            self.values[labels] = value if known is None else _JOIN[self.joined](known, value)

    def lines(self) -> Iterator[str]:
        yield from _heading(self.name, self.type, self.what)
        yield from (f"{self.name}{_written(self.labels, of)} {value}" for of, value in self.values.items())


@dataclass(frozen=True)
class Durations:
    """A histogram of seconds."""

    name: str
    what: str
    labels: Labels
    values: dict[Labels, list[float]] = field(default_factory=dict)  # a count per bound, then the sum

    def observe(self, labels: Labels, seconds: float) -> None:
        held = self.values.get(labels)
        if held is None:
            held = self.values[labels] = [0] * (len(_BOUNDS) + 1)
        held[bisect_left(BUCKETS, seconds)] += 1
        held[-1] += seconds

    def join(self, values: Mapping[Labels, list[float]]) -> None:
        """Add the numbers of another process."""
        for labels, counts in values.items():
            known = self.values.get(labels)
            self.values[labels] = counts if known is None else list(map(add, known, counts))

    def lines(self) -> Iterator[str]:
        yield from _heading(self.name, "histogram", self.what)
        for labels, (*counts, total) in self.values.items():
            written, below = _written(self.labels, labels), 0.0
            for bound, count in zip(_BOUNDS, counts, strict=True):
                below += count
                yield f'{self.name}_bucket{written[:-1]},le="{bound}"}} {below}'
            yield f"{self.name}_sum{written} {total}"
            yield f"{self.name}_count{written} {below}"


def render(metrics: Iterable[Metric | Durations]) -> str:
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _heading(name: str, kind: str, what: str) -> tuple[str, str]:
    return f"# HELP {name} {what}", f"# TYPE {name} {kind}"


def _written(names: Labels, values: Labels) -> str:
    """The labels in braces. Nothing is escaped: our values hold no quote, backslash or newline."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(names, values, strict=True)) + "}" if names else ""
