"""What the operating system says of this process and of its connections to the database, in OpenTelemetry's names."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.pool import QueuePool

from ..store.database import Database
from .metrics import by, metric

_STARTED = time.monotonic()
_PAGE = resource.getpagesize()
_PROC = Path("/proc/self")  # Linux only; elsewhere what it tells is missing


def process_metrics() -> Iterator[str]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    times = by("cpu_mode", {"user": used.ru_utime, "system": used.ru_stime})
    yield from metric("process_cpu_time_seconds_total", "counter", "Processor time", times)
    yield from metric("process_uptime_seconds", "gauge", "Time since the start", {"": time.monotonic() - _STARTED})
    if _PROC.exists():
        yield from _from_proc()


def _from_proc() -> Iterator[str]:
    mapped, resident, *_ = map(int, (_PROC / "statm").read_text(encoding="ascii").split())
    yield from metric("process_memory_usage_bytes", "gauge", "Memory that is resident", {"": resident * _PAGE})
    yield from metric("process_memory_virtual_bytes", "gauge", "Memory that is mapped", {"": mapped * _PAGE})
    yield from metric("process_thread_count", "gauge", "Threads", {"": sum(1 for _ in (_PROC / "task").iterdir())})
    descriptors = sum(1 for _ in (_PROC / "fd").iterdir())
    what = "Files and connections that are open"
    yield from metric("process_unix_file_descriptor_count", "gauge", what, {"": descriptors})


def pool_metrics(database: Database) -> Iterator[str]:
    """Of the pools that can be exhausted; on PostgreSQL reader and writer are one."""
    count, limit = {}, {}
    for name, engine in (("writer", database.writer), ("reader", database.reader)):
        pool = engine.pool
        if isinstance(pool, QueuePool) and not (name == "reader" and engine is database.writer):
            labelled = f'{{db_client_connection_pool_name="{name}"'
            count[f'{labelled},db_client_connection_state="used"}}'] = pool.checkedout()
            count[f'{labelled},db_client_connection_state="idle"}}'] = pool.checkedin()
            limit[f"{labelled}}}"] = pool.size() + max(0, pool._max_overflow)
    yield from metric("db_client_connection_count", "gauge", "Connections to the database", count)
    yield from metric("db_client_connection_max", "gauge", "Connections that there may be", limit)
