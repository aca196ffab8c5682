"""The commands: `serve` and `migrate`. Exit 0 is done, 1 refused with one line on stderr, 2 wrong usage."""

import asyncio
import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from .settings import settings as settings_
from .settings.settings import InvalidSettings, Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

cli = typer.Typer(help="The todo API.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

_GRACE = 20  # seconds that requests under way have after SIGTERM
_LAST_ARRIVALS = 0.2  # seconds for the first octets of whoever has just connected


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8082,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port to answer Prometheus on, at /metrics; otherwise none.", min=1, max=65535)
    ] = None,
) -> None:
    """Serve the API. Refuses to start on a database that is not migrated."""
    settings = _load()
    _import_structlog()
    from .telemetry import logs

    logs.configure(settings.log_level)
    _check_database(settings)
    listeners = [_listen(host, each) for each in (port, metrics_port) if each is not None]
    _run(settings, listeners, metrics_port)


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema. Does nothing when it is there."""
    settings = _load()
    # Alembic takes 11 MB, which serving does not need.
    from sqlalchemy.exc import SQLAlchemyError

    from .migrations import migrate as run

    try:
        serving = settings.database_url.get_secret_value()
        owner = settings.migration_database_url
        run(serving if owner is None else owner.get_secret_value(), serving)
    except (SQLAlchemyError, OSError) as error:
        _refuse(f"cannot migrate: {_first_line(error)}")


def _import_structlog() -> None:
    """Without rich, which typer brings and structlog would load for coloured tracebacks that we do not write: 5 MB."""
    sys.modules["rich"] = None  # type: ignore[assignment]  # so that an import of it fails
    import structlog  # noqa: F401 - it is there from now on

    del sys.modules["rich"]


def _load() -> Settings:
    try:
        return settings_.load(os.environ)
    except InvalidSettings as error:
        _refuse(str(error))


def _check_database(settings: Settings) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from .store import database
    from .store.database import SchemaNotAtHead

    async def verify() -> None:
        connected = database.connect(settings.database_url.get_secret_value())
        try:
            await database.verify_schema(connected)
        finally:
            await connected.dispose()

    try:
        asyncio.run(verify())
    except SchemaNotAtHead as error:
        _refuse(f"{error}; run: python -m todo_service migrate")
    except (SQLAlchemyError, OSError) as error:
        _refuse(f"cannot reach the database: {_first_line(error)}")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        _refuse(f"cannot listen on {host} port {port}: {error.strerror}")


def _run(settings: Settings, listeners: list[socket.socket], metrics_port: int | None) -> None:
    import uvicorn

    from .app import create_app

    traces = _open_traces()
    config = uvicorn.Config(
        create_app(settings, metrics_port=metrics_port, traces=traces),
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=",".join(settings.trusted_proxies),
        timeout_graceful_shutdown=_GRACE,
    )

    class _Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            """uvicorn hangs up on connections that have not asked yet; what was just accepted is about to."""
            for server in self.servers:
                server.close()  # listening ends; whoever comes now finds another replica
            await asyncio.sleep(_LAST_ARRIVALS)
            await super().shutdown(sockets)

    _Server(config).run(sockets=listeners)


def _open_traces() -> "TracerProvider | None":
    from .telemetry import tracing

    if not tracing.wants_traces(os.environ):
        return None
    try:
        from .telemetry.exported_spans import make_provider
    except ImportError as error:
        _refuse(f"traces are wanted, but {error.name} is not installed: see requirements-telemetry.txt")
    return make_provider("todo-service")


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _refuse(reason: str) -> NoReturn:
    typer.echo(f"todo-service: {reason}", err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    cli(prog_name="todo_service")
