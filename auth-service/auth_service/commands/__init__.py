"""Commands for operators. Exit codes: 0 done, 1 refused or failed (the reasons are on stderr), 2 wrong usage, 3 a
difference (`apply --plan --exit-code`).

    serving.py, working.py                     `serve` and `worker`: the two kinds of process
    whole_responses.py                         `serve` sends small responses in one system call
    users.py, users_access.py, users_email.py  `users`: accounts; suspend, activate, delete; their addresses
    users_username.py, users_factors.py        `users set-username`, `users disable-second-factor`
    users_passkeys.py                          `users remove-passkeys`
    users_import.py, imported_people.py        `users import`: accounts of another system; one line of the file
    named_accounts.py, typed_passwords.py      an account as it is named, a password as it is typed
    clients.py, registrations.py, provisioning.py   `clients`: registration; the same id and secret at each deployment
    blocking.py                                `clients block`: cut off a client with a metadata document
    registration_tokens.py                     `registration-tokens`: who may register itself as a client
    resources.py                               `resources`: the registry of APIs
    apply.py, configuration/                   `apply`: APIs, groups and clients from files
    algorithms.py                              when the signing algorithm of an API or a client begins
    roles.py, groups.py, named_holders.py      `roles`, `groups`: of accounts and services; who is named
    personal_tokens.py                         `tokens`: personal access tokens
    consents.py, sessions.py, events.py        `consents`, `sessions`, `events`
    mail.py                                    `mail`: mails that are not sent; a test
    keys.py, key_withdrawal.py, verifiers.py   `keys`: list, rotate, emergency; what verifiers hold
    key_check.py                               `keys check`: do the key-encryption keys fit a backup?
    issuer.py                                  `issuer`: what was stored under another name of the issuer
    secrets.py                                 `secrets`: rotate what signs cookies
    audit.py                                   `audit`: list and export the audit trail
    migrating.py                               `migrate`: the schema
    restoring.py                               `restore`: what to run after the database was restored from a backup
    operators.py                               all of these commands, added to the two processes
    durations.py                               durations as they are typed
    opened.py, output.py                       the opened database and one event loop; JSON or a table

A command loads the settings, opens the database, runs one coroutine and closes (opened.py); it calls the same functions
as the endpoints, so what it changes is in force when it returns. `main` turns the expected refusals into one line on
stderr. `auth-service --help` lists all of them; nothing imports this room except __main__.py. `serve` and `worker` do
not load what operators type, as that takes 4 MB.
"""

import logging
import sys
from typing import Annotated, NoReturn

import structlog
import typer
from sqlalchemy.exc import OperationalError

from ..accounts.factors.totp_factors import UnreadableSecret
from ..keys.encryption import UnreadableKey
from ..keys.rotation import RotationRefused
from ..oauth.errors import InvalidClientMetadata
from ..settings.settings import InvalidSettings
from ..store.database import SchemaMismatch
from ..telemetry.private_port import CannotListen
from ..telemetry.tracing import TracingUnavailable
from .opened import CommandRefused

app = typer.Typer(
    help="auth-service: accounts, sessions and tokens. Settings come from AUTH_* variables; see README.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]


MetricsPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Port that serves /metrics to Prometheus. Default: none.")
]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8081,
    metrics_port: MetricsPort = None,
) -> None:
    """Serve HTTP until SIGTERM. Running requests are then finished."""
    from .serving import serve as run

    run(host, port, metrics_port)


@app.command()
def worker(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Port = 8083,
    metrics_port: MetricsPort = None,
) -> None:
    """Perform periodic duties (key rotation, clean-up, event delivery) until SIGTERM. Running ones are then finished.

    One worker is enough; several share the duties. The port serves /livez and /readyz.
    """
    from .working import work

    work(host, port, metrics_port)


@app.command()
def migrate() -> None:
    """Upgrade the database schema to this version. It is safe to repeat, and to run several at once."""
    from .migrating import migrate as run

    typer.echo(f"The schema is at {run()}.")


def main() -> None:
    if not all(map(_is_text, sys.argv[1:])):
        _fail("an argument is not UTF-8, or begins with a byte order mark")
    if not structlog.is_configured():  # standard output is the command's answer; `serve` and `worker` configure logs
        warnings = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=warnings, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if sys.argv[1:2] not in (["serve"], ["worker"]):
        from . import operators  # noqa: F401 - adds its commands to `app`
    try:
        app(prog_name="auth-service")
    except (
        InvalidSettings,
        SchemaMismatch,
        UnreadableKey,
        UnreadableSecret,
        RotationRefused,
        CommandRefused,
        InvalidClientMetadata,
        CannotListen,
        TracingUnavailable,
    ) as error:
        _fail(str(error))
    except OperationalError as error:
        _fail(f"the database does not answer: {str(error.orig).strip().partition(chr(10))[0]}")


def _is_text(argument: str) -> bool:
    """False for octets that Python could not decode (lone surrogates), and for a byte order mark."""
    return not argument.startswith("\ufeff") and not any("\ud800" <= each <= "\udfff" for each in argument)


def _fail(reasons: str) -> NoReturn:
    for line in reasons.splitlines():
        typer.echo(f"auth-service: {line}", err=True)
    sys.exit(1)
