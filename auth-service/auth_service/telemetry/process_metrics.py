"""Metrics of this process and of its database connections, with OpenTelemetry's names."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.pool import QueuePool

from ..store.database import Database
from .metrics import Labels, Metric

_STARTED = time.monotonic()
_PAGE = resource.getpagesize()


def process_metrics() -> Iterator[Metric]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu: dict[Labels, float] = {("user",): used.ru_utime, ("system",): used.ru_stime}
    yield Metric("process_cpu_time_seconds_total", "counter", "Processor time", ("cpu_mode",), cpu)
    uptime: dict[Labels, float] = {(): time.monotonic() - _STARTED}
    yield Metric("process_uptime_seconds", "gauge", "Time since the start", (), uptime, joined="max")
    yield from _from_proc(Path("/proc/self"))


def _from_proc(folder: Path) -> Iterator[Metric]:
    """Metrics from /proc. On systems other than Linux there are none."""
    if not folder.exists():
        return
    pages = (folder / "statm").read_text(encoding="ascii").split()
    yield _gauge("process_memory_usage_bytes", "Resident memory", int(pages[1]) * _PAGE)
    yield _gauge("process_memory_virtual_bytes", "Virtual memory", int(pages[0]) * _PAGE)
    yield _gauge("process_thread_count", "Threads", sum(1 for _ in (folder / "task").iterdir()))
    descriptors = sum(1 for _ in (folder / "fd").iterdir())
    yield _gauge("process_unix_file_descriptor_count", "Open files and connections", descriptors)


def pool_metrics(database: Database) -> Iterator[Metric]:
    """Metrics of the pools with a limit. SQLite's reader has none."""
    names = ("db_client_connection_pool_name", "db_client_connection_state")
    count = Metric("db_client_connection_count", "gauge", "Connections to the database", names)
    limit = Metric("db_client_connection_max", "gauge", "Maximum number of connections to the database", names[:1])
    for name, engine in (("writer", database.writer), ("reader", database.reader)):
        pool = engine.pool
        if isinstance(pool, QueuePool) and (name == "writer" or engine is not database.writer):
            kept = database.frequent.idle if engine is database.reader else 0
            count.set(name, "used", to=pool.checkedout() - kept)
            count.set(name, "idle", to=pool.checkedin() + kept)
            limit.set(name, to=pool.size())
    yield from (count, limit)


def _gauge(name: str, what: str, value: float) -> Metric:
    return Metric(name, "gauge", what, (), {(): value})
