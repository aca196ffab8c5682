"""The serving process: one event loop, one port."""

import asyncio
import socket
import sys

import uvicorn
from fastapi import FastAPI

from .. import logs
from ..app import check_start, create_app
from ..dependencies import Parts
from ..settings import load_settings

GRACEFUL_SHUTDOWN = 20  # seconds for the requests that are under way
MAX_CONCURRENCY = 2_000  # connections; one more is answered 503


class _Server(uvicorn.Server):
    """Tells who listens for hints that it is over: a graceful end waits for all answers, and that one has no end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        parts: Parts = self._app.state.parts
        parts.status_lists.dismiss()
        await super().shutdown(sockets)


def serve(host: str, port: int) -> None:
    settings = load_settings()
    asyncio.run(check_start(settings))
    logs.configure(settings.log_level)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # access_log.py writes one that holds no query strings
        server_header=False,
        date_header=True,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=MAX_CONCURRENCY,
        timeout_keep_alive=75,  # longer than the gateway's, so that it is the gateway who hangs up
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN,
        ws="none",
    )
    server = _Server(config, app)
    server.run()
    if not server.started:
        sys.exit(1)
