"""`apply`: APIs, groups and clients from configuration files (README, "Configuration as a file")."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..oauth.algorithms import SIGNED_RESPONSE_ALG
from ..settings.settings import load_settings
from ..store.instants import utc_now
from . import algorithms
from .configuration import applied
from .configuration.applied import NotAsExpected
from .configuration.documents import MAX_OCTETS, InvalidConfiguration, Part, read_documents
from .configuration.plan import Plan
from .configuration.wanted import Wanted, read_wanted
from .opened import CommandRefused, Yes, confirm, opened, run

_SET = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Delete what this configuration made and no file has any more. Asks, or needs --yes."),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} in the files stands for; ${ISSUER} is known."),
]


def apply(files: Files, plan: OnlyPlan = False, prune: Prune = False, set_: Values = None, yes: Yes = False) -> None:
    """Make the APIs, groups and clients as the files say: all of it, or nothing.

    Shows the changes. Applying the same files again changes nothing. What would be lost is told with its count, and
    needs --prune.
    """
    try:
        _apply(files, only_plan=plan, prune=prune, values=set_ or [], yes=yes)
    except InvalidConfiguration as error:
        raise CommandRefused(str(error)) from None


def _apply(files: list[Path], *, only_plan: bool, prune: bool, values: list[str], yes: bool) -> None:
    issuer = load_settings().issuer
    placeholders = {"ISSUER": issuer, **dict(map(_value, values))}
    wanted = read_wanted([part for file in files for part in _read(file, placeholders)], issuer=issuer)
    planned = run(_plan(issuer, wanted, prune=prune))
    for line in planned.describe():
        typer.echo(line)
    if only_plan or not planned.changes:
        return
    if planned.losses and not prune:
        raise CommandRefused(f"nothing was changed: {'; '.join(planned.losses)}; add --prune")
    if planned.losses:
        confirm("Apply this, and end what it says?", yes=yes)
    run(_carry_out(issuer, wanted, planned, prune=prune))
    for each in wanted.apis:
        run(algorithms.begin(each.api.access_token_signing_alg, f"access tokens for {each.api.resource}"))
    for client in wanted.clients:
        run(algorithms.begin_for_client(client.members.get(SIGNED_RESPONSE_ALG), client.client_id))


def _value(text: str) -> tuple[str, str]:
    found = _SET.fullmatch(text)
    if found is None:
        raise CommandRefused("--set: NAME=VALUE is required")
    return found[1], found[2]


def _read(file: Path, placeholders: dict[str, str]) -> list[Part]:
    try:
        if str(file) == "-":
            octets = sys.stdin.buffer.read(MAX_OCTETS + 1)
        else:
            with file.open("rb") as opened_file:
                octets = opened_file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise CommandRefused(f"{file} cannot be read: {type(error).__name__}") from None
    return read_documents(octets, str(file), placeholders)


async def _plan(issuer: str, wanted: Wanted, *, prune: bool) -> Plan:
    async with opened() as database, database.reading() as session:
        return await applied.plan(
            session,
            issuer,
            wanted,
            grant_types=_grant_types(),
            check_algorithm=algorithms.check_change,
            prune=prune,
            now=utc_now(),
        )


async def _carry_out(issuer: str, wanted: Wanted, planned: Plan, *, prune: bool) -> None:
    async with opened() as database:
        try:
            await database.transact(
                applied.apply,
                issuer,
                wanted,
                grant_types=_grant_types(),
                check_algorithm=algorithms.check_change,
                prune=prune,
                expected=planned.ends,
                now=utc_now(),
            )
        except NotAsExpected as error:
            raise CommandRefused(f"nothing was changed: the database has changed meanwhile: {error}") from None


def _grant_types() -> tuple[str, ...]:
    from ..endpoints.token.grants import GRANT_TYPES  # imported late: it loads FastAPI

    return GRANT_TYPES
