"""`serve`: one event loop, a port for requests, and optionally one for Prometheus.

With `--workers N` there are N such processes, which share both ports (serving_processes.py).
"""

import asyncio
import gc
import os
import resource
import socket
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

from ..app import create_app, end_streams, own_metrics
from ..migrations import HEAD
from ..settings.settings import Settings, load_settings
from ..store.database import SchemaMismatch, open_database
from ..telemetry import logs, tracing
from ..telemetry.client_address import in_both_forms
from ..telemetry.shared_metrics import SharedMetrics
from ..telemetry.tracing import TracingUnavailable
from .refused import CommandRefused, first_line
from .serving_processes import Place, fork_processes
from .whole_responses import WholeResponses

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

GRACEFUL_SHUTDOWN = 20  # seconds for requests in progress to end
LAST_ARRIVALS = 0.2  # seconds for the first octets on connections that were just accepted


MOST_OPEN_FILES = 65_536  # a stream of events is an open connection; many systems allow 1,024 unless one asks


class Server(UvicornServer):
    def __init__(
        self,
        config: Config,
        app: FastAPI,
        place: Place | None,
        shared: SharedMetrics | None,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._place = place
        self._shared = shared
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._shared is not None:
            self._tasks.append(asyncio.create_task(self._shared.write_forever(partial(own_metrics, self._app))))
        gc.collect()
        gc.freeze()  # later collections skip what is loaded: looking through it would stop all requests
        if self._place is not None:
            asyncio.get_running_loop().add_reader(self._place.lifeline, self._end_with_the_first_process)
            self._place.say_ready()

    def _end_with_the_first_process(self) -> None:
        """Stop as on SIGTERM: nobody else would stop this process, and it would keep the port."""
        if self._place is not None:
            asyncio.get_running_loop().remove_reader(self._place.lifeline)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait a moment first. uvicorn closes connections without a request; on a new one it may be on its way."""
        for server in self.servers:
            server.close()  # stop listening; new connections go to other replicas
        end_streams(self._app)
        await asyncio.sleep(LAST_ARRIVALS)
        await super().shutdown(sockets)
        for task in self._tasks:
            task.cancel()


def serve(host: str, port: int, metrics_port: int | None, workers: int) -> None:
    """Run the command until SIGTERM. With several workers each of them returns from here, and this process exits.

    Raises:
        InvalidSettings, CommandRefused
    """
    settings = load_settings()
    logs.configure(settings.log_level)
    asyncio.run(_check_database(settings))
    listeners = [_listen(host, each) for each in (port, metrics_port) if each is not None]
    _allow_open_files()
    place = fork_processes(workers, listeners) if workers > 1 else None
    shared = None if place is None or metrics_port is None else SharedMetrics(place.folder, place.number)
    app = create_app(settings, metrics_port=metrics_port, traces=open_traces(), shared=shared)
    config = Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=in_both_forms(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
        http=WholeResponses,
    )
    Server(config, app, place, shared).run(sockets=listeners)


def _allow_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MOST_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _check_database(settings: Settings) -> None:
    database = open_database(settings.database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
    except SchemaMismatch as error:
        raise CommandRefused(f"{error}; run: todo-service migrate") from error
    except (SQLAlchemyError, OSError) as error:
        raise CommandRefused(f"cannot reach the database: {first_line(error)}") from error
    finally:
        await database.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CommandRefused(f"cannot listen on {host} port {port}: {error.strerror}") from error


def open_traces() -> "TracerProvider | None":
    """The provider that exports traces, or None if tracing is off. Raises TracingUnavailable."""
    if not tracing.wants_traces(os.environ):
        return None
    try:
        from ..telemetry.exported_spans import make_provider
    except ImportError as error:
        raise TracingUnavailable(
            f"OTEL_* variables turn tracing on, but {error.name} is not installed: see requirements-telemetry.txt"
        ) from error
    return make_provider(logs.SERVICE_NAME)
