"""/metrics of several serving processes: each writes its numbers into a file, and the one that is asked joins them.

A process writes every two seconds, and before it answers. The process that replaces one that has died goes on from that
one's counters, so no sum ever falls: Prometheus would take that for a new start of all counters.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .metrics import Durations, Metric

INTERVAL = 2.0  # seconds between two writes
FRESH = 15.0  # seconds; the gauges of an older file are not counted: its process has died, or hangs
Metrics = Iterable[Metric | Durations]


class SharedMetrics:
    """The files of all serving processes, and this process's own."""

    def __init__(self, folder: Path, place: int) -> None:
        self._folder = folder
        self._file = folder / f"{place}.json"
        self._before = list(_read_counters(self._file)) if self._file.exists() else []

    def join(self, own: Metrics) -> list[Metric | Durations]:
        """The metrics of all processes, of which `own` are this one's."""
        self.write(own)
        oldest = time.time() - FRESH
        files = sorted(self._folder.glob("*.json"))
        return joined(
            each for file in files for each in (_read if file.stat().st_mtime > oldest else _read_counters)(file)
        )

    def write(self, own: Metrics) -> None:
        """Write this process's metrics, with the counters of its predecessors."""
        written = [_as_members(each) for each in joined([*own, *self._before])]
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps(written), encoding="utf-8")
        draft.replace(self._file)  # nobody reads half a file

    async def write_forever(self, collect: Callable[[], Metrics]) -> None:
        while True:
            with suppress(OSError):  # a full disk must not fail a request
                self.write(collect())
            await asyncio.sleep(INTERVAL)


def joined(metrics: Metrics) -> list[Metric | Durations]:
    """One metric of each name, without changing those that are given."""
    found: dict[str, Any] = {}
    for each in metrics:
        if each.name not in found:
            found[each.name] = type(each)(**{**vars(each), "values": {}})
        found[each.name].join(each.values)
    return list(found.values())


def _read(file: Path) -> Iterator[Metric | Durations]:
    for members in json.loads(file.read_text(encoding="utf-8")):
        members["labels"] = tuple(members["labels"])
        members["values"] = {tuple(labels): value for labels, value in members["values"]}
        yield Metric(**members) if "type" in members else Durations(**members)


def _read_counters(file: Path) -> Iterator[Metric | Durations]:
    return (each for each in _read(file) if isinstance(each, Durations) or each.type == "counter")


def _as_members(metric: Metric | Durations) -> dict[str, Any]:
    return {**vars(metric), "values": list(metric.values.items())}
