"""`apply`: APIs, groups, clients and upstream providers from files (REGISTRATION.md, "Configuration as a file")."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..accounts.upstreams.providers import seal_of
from ..sealed.sealing import Seal
from ..settings.settings import load_settings
from ..store.instants import utc_now
from . import algorithms
from .configuration import applied
from .configuration.applied import NotAsExpected
from .configuration.documents import MAX_OCTETS, InvalidConfiguration, Part, read_documents
from .configuration.plan import Plan
from .configuration.wanted import Wanted, read_wanted
from .opened import CommandRefused, Yes, confirm, opened, run

DIFFERENT = 3  # the exit code; 1 is a refusal, and 2 wrong usage
_SET = re.compile(r"([A-Za-z][A-Za-z0-9_]*)=(.*)", re.DOTALL)

Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or JSON; - is standard input.")]
OnlyPlan = Annotated[bool, typer.Option("--plan", help="Show what would change, and change nothing.")]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Delete what this configuration made and no file has any more. Asks, or needs --yes."),
]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help=f"With --plan: exit with {DIFFERENT} if the files and the database differ.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print each change as one JSON object per line.")]
AtOnce = Annotated[
    bool,
    typer.Option(
        "--now",
        help="Change a signing algorithm although a verifier lacks its key, and revoke the tokens of a service whose "
        "roles change.",
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="What ${NAME} in the files stands for; ${ISSUER} is known."),
]


def apply(
    files: Files,
    only_plan: OnlyPlan = False,
    exit_code: ExitCode = False,
    prune: Prune = False,
    at_once: AtOnce = False,
    set_: Values = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Make the APIs, groups, clients and upstream providers as the files say: all of it, or nothing.

    Shows the changes. Applying the same files again changes nothing. What would be lost is told with its count, and
    needs --prune.
    """
    if exit_code and not only_plan:
        raise CommandRefused("--exit-code: only with --plan")
    try:
        asked = _ask(files, set_ or [], prune=prune, at_once=at_once)
        planned = run(_plan(asked))
        for line in map(json.dumps, planned.records()) if as_json else planned.describe():
            typer.echo(line)
        if not only_plan and planned.changes:
            _change(asked, planned, yes=yes)
    except InvalidConfiguration as error:
        raise CommandRefused(str(error)) from None
    if exit_code and (planned.changes or planned.left):
        raise typer.Exit(DIFFERENT)


@dataclass(frozen=True)
class _Asked:
    """What the files and options ask for."""

    issuer: str
    wanted: Wanted
    prune: bool
    at_once: bool


def _ask(files: list[Path], values: list[str], *, prune: bool, at_once: bool) -> _Asked:
    issuer = load_settings().issuer
    placeholders = {"ISSUER": issuer, **dict(map(_value, values))}
    wanted = read_wanted([part for file in files for part in _read(file, placeholders)], issuer=issuer)
    return _Asked(issuer, wanted, prune, at_once)


def _change(asked: _Asked, planned: Plan, *, yes: bool) -> None:
    if planned.losses and not asked.prune:
        raise CommandRefused(f"nothing was changed: {'; '.join(planned.losses)}; add --prune")
    if planned.losses:
        confirm("Apply this, and end what it says?", yes=yes)
    run(_carry_out(asked, planned))
    for each in asked.wanted.apis:
        run(algorithms.begin(each.api.access_token_signing_alg, f"access tokens for {each.api.resource}"))
    for client in asked.wanted.clients:
        run(algorithms.begin_for_client(client.members, client.client_id))


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


async def _plan(asked: _Asked) -> Plan:
    async with opened() as database, database.reading() as session:
        return await applied.plan(
            session,
            asked.issuer,
            asked.wanted,
            grant_types=_grant_types(),
            check_algorithm=algorithms.check_change,
            seal=_seal(),
            prune=asked.prune,
            at_once=asked.at_once,
            now=utc_now(),
        )


async def _carry_out(asked: _Asked, planned: Plan) -> None:
    async with opened() as database:
        try:
            await database.transact(
                applied.apply,
                asked.issuer,
                asked.wanted,
                grant_types=_grant_types(),
                check_algorithm=algorithms.check_change,
                seal=_seal(),
                prune=asked.prune,
                at_once=asked.at_once,
                expected=planned.ends,
                now=utc_now(),
            )
        except NotAsExpected as error:
            raise CommandRefused(f"nothing was changed: the database has changed meanwhile: {error}") from None


def _seal() -> Seal:
    return seal_of(load_settings().versioned("key_encryption_keys"))


def _grant_types() -> tuple[str, ...]:
    from ..endpoints.token.grants import GRANT_TYPES  # imported late: it loads FastAPI

    return GRANT_TYPES
