"""The serving process: one event loop, a port for requests, and an optional port for Prometheus.

With `--workers N` there are N such processes, which share both ports (serving_processes.py).
"""

import asyncio
import gc
import os
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import FastAPI
from uvicorn.config import Config
from uvicorn.server import Server as UvicornServer

from ..app import check_start, create_app
from ..http.parts import given_by
from ..serving.exposition import MetricsParts, collect_metrics
from ..settings.settings import load_settings
from ..telemetry import logs, tracing
from ..telemetry.client_address import in_both_forms
from ..telemetry.metrics import MEDIA_TYPE, Durations, Metric, render
from ..telemetry.private_port import Answer, PrivatePort, listen
from ..telemetry.shared_metrics import SharedMetrics
from ..telemetry.tracing import TracingUnavailable
from ..worker.schedule import Pace
from .serving_processes import Place, fork_processes
from .whole_responses import WholeResponses

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

GRACEFUL_SHUTDOWN = 20  # seconds for running requests
LAST_ARRIVALS = 0.2  # seconds for the first octets on new connections
MAX_CONCURRENCY = 2_000  # connections; requests above it get 503


class Server(UvicornServer):
    """A server that loses no request when it stops, and does not wait for endless streams."""

    def __init__(
        self,
        config: Config,
        app: FastAPI,
        pace: Pace,
        scrapes: socket.socket | None,
        traces: "TracerProvider | None" = None,
        place: Place | None = None,
    ) -> None:
        super().__init__(config)
        self._app = app
        self._pace = pace
        self._scrapes = scrapes
        self._scraped: asyncio.Server | None = None
        self._traces = traces
        self._place = place
        self._shared = None if place is None else SharedMetrics(place.folder, place.number)
        self._tasks: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._scrapes is not None:
            self._scraped = await PrivatePort({"/metrics": self._metrics}).start(self._scrapes)
            if self._shared is not None:
                self._tasks.append(asyncio.create_task(self._shared.write_forever(self._own_metrics)))
        gc.collect()
        gc.freeze()  # what every request uses is not looked through again: a full collection stops all requests
        if self._place is not None:
            asyncio.get_running_loop().add_reader(self._place.lifeline, self._end_with_the_first_process)
            self._place.say_ready()

    def _end_with_the_first_process(self) -> None:
        """Stop as on SIGTERM: nobody else would stop this process, and it would keep the port."""
        if self._place is not None:
            asyncio.get_running_loop().remove_reader(self._place.lifeline)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop. uvicorn closes connections without a request, so first wait for requests on new connections."""
        for server in self.servers:
            server.close()  # new connections go to another replica
        await asyncio.sleep(LAST_ARRIVALS)
        given_by(self._app, MetricsParts).status_lists.dismiss()  # ends the streams of hints
        await super().shutdown(sockets)
        for task in self._tasks:
            task.cancel()
        if self._scraped is not None:
            self._scraped.close()
        if self._traces is not None:  # here, because uvicorn then ends the process by its signal
            await tracing.send_the_rest(self._traces)

    def _own_metrics(self) -> Sequence[Metric | Durations]:
        return collect_metrics(given_by(self._app, MetricsParts), self._pace)

    async def _metrics(self) -> Answer:
        metrics = self._own_metrics()
        return Answer(text=render(self._shared.join(metrics) if self._shared else metrics), media_type=MEDIA_TYPE)


def serve(host: str, port: int, metrics_port: int | None, workers: int) -> None:
    """Run the command until SIGTERM. With several workers each of them returns from here, and this process exits."""
    settings = load_settings()
    scrapes = None if metrics_port is None else listen(host, metrics_port)
    asyncio.run(check_start(settings))
    logs.configure(settings.log_level)
    listeners, place = None, None
    if workers > 1:
        listeners = [listen(host, port)]
        place = fork_processes(workers, listeners if scrapes is None else [*listeners, scrapes])
    traces = _open_traces()
    app = create_app(settings, traces=traces)
    config = Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # telemetry/access_log.py writes its own, without query strings
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips=in_both_forms(settings.trusted_proxies),
        limit_concurrency=MAX_CONCURRENCY,
        timeout_keep_alive=75,  # longer than the gateway's, so that the gateway closes first
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
        http=WholeResponses,
        ws="none",
    )
    pace = Pace(settings.key_rotation_interval, settings.key_spare_min_age)
    server = Server(config, app, pace, scrapes, traces, place)
    server.run(listeners)
    if not server.started:
        sys.exit(1)


def _open_traces() -> "TracerProvider | None":
    """The tracer provider, or None if tracing is off. Raises TracingUnavailable."""
    if not tracing.wants_traces(os.environ):
        return None
    try:
        from ..telemetry.exported_spans import make_provider
    except ImportError as error:
        raise TracingUnavailable(
            f"tracing is configured, but {error.name} is not installed: see requirements-telemetry.txt"
        ) from error
    return make_provider(logs.SERVICE_NAME)
