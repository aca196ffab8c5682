"""Commands. Exit codes: 0 done, 1 refused or failed (the reasons are on stderr), 2 wrong usage.

    serve.py              `serve`: answers requests until SIGTERM
    serving_processes.py  `serve --workers N`: N processes on one port
    whole_responses.py    `serve` sends small responses in one system call
    migrate.py            `migrate`: brings the database to the newest schema
    refused.py            `CommandRefused`: the reason why a command did nothing

A command loads the settings first, so that a wrong environment stops it before anything is opened. Each command imports
its modules when it is called: `serve` does not need Alembic, which takes 11 MB. `main` turns expected errors into lines
on stderr: one, or one for each fault of the settings. Nothing imports this room except __main__.py.
"""

import sys
from typing import Annotated

import typer

from ..settings.settings import InvalidSettings
from ..telemetry.tracing import TracingUnavailable
from .refused import CommandRefused

app = typer.Typer(help="The todo API.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8082,
    metrics_port: Annotated[
        int | None,
        typer.Option(help="Port for /metrics (Prometheus); without it there are no metrics.", min=1, max=65535),
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that serve, at most one for each core.", min=1, max=64)] = 1,
) -> None:
    """Serve the API. Refuses to start on a database that is not migrated."""
    from .serve import serve as run

    run(host, port, metrics_port, workers)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema. May be run again, and by several processes at once."""
    from .migrate import migrate as run

    run()


def _is_text(argument: str) -> bool:
    """False for octets that Python could not decode (lone surrogates), and for a byte order mark."""
    return not argument.startswith("\ufeff") and not any("\ud800" <= each <= "\udfff" for each in argument)


def main() -> None:
    if not all(map(_is_text, sys.argv[1:])):
        typer.echo("todo-service: an argument is not UTF-8, or begins with a byte order mark", err=True)
        sys.exit(1)
    try:
        app(prog_name="todo-service")
    except (InvalidSettings, CommandRefused, TracingUnavailable) as error:
        for line in str(error).splitlines():
            typer.echo(f"todo-service: {line}", err=True)
        sys.exit(1)
