"""`registration-tokens`: initial access tokens, with which programs may register themselves as clients."""

import json
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import registration_tokens
from ..clients.registration_tokens import RegistrationToken
from ..store.instants import utc_now
from .durations import parse_duration
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show

app = typer.Typer(help="Initial access tokens: who may register itself as a client.", no_args_is_help=True)
MAX_LIFETIME = timedelta(days=365)
MAX_USES = 10_000

TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `list` shows it.")]
Uses = Annotated[int, typer.Option(min=1, max=MAX_USES, help="How many clients may be registered with it.")]
Lifetime = Annotated[str, typer.Option(metavar="DURATION", help="How long it may be used, at most P365D.")]


@app.command()
def create(uses: Uses = 1, lifetime: Lifetime = "P1D") -> None:
    """Make a token, and print it with its id. The token is shown only now.

    It has an effect only with AUTH_REGISTRATION=token.
    """
    lasting = parse_duration(lifetime, "--lifetime", timedelta(seconds=1), MAX_LIFETIME)
    typer.echo(json.dumps(run(transact(_create, uses, lasting))))


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens that have not expired, also used up ones, the oldest first."""
    show([_record_of(each) for each in run(_list())], as_json=as_json)


@app.command()
def revoke(token_id: TokenId, yes: Yes = False) -> None:
    """End a token. The clients that were registered with it stay; `clients list` names it beside them."""
    confirm(f"End the registration token {token_id}?", yes=yes)
    run(transact(_revoke, token_id))
    typer.echo(token_id)


async def _create(session: AsyncSession, uses: int, lifetime: timedelta) -> dict[str, Any]:
    now = utc_now()
    row, token = await registration_tokens.create(session, uses=uses, lifetime=lifetime, now=now)
    await record(session, "registration_token_created", now=now, registration_token_id=row.id, uses=uses)
    return {**_record_of(row), "registration_token": token}


async def _list() -> list[RegistrationToken]:
    async with opened() as database, database.reading() as session:
        found = await registration_tokens.list_tokens(session)
        return [each for each in found if each.expires_at > utc_now()]


async def _revoke(session: AsyncSession, token_id: str) -> None:
    if not await registration_tokens.revoke(session, token_id):
        raise CommandRefused(f"there is no registration token {token_id!r}")
    await record(session, "registration_token_revoked", now=utc_now(), registration_token_id=token_id)


def _record_of(row: RegistrationToken) -> Record:
    return {
        "id": row.id,
        "uses": row.uses,
        "uses_left": row.uses_left,
        "created_at": row.created_at.isoformat(timespec="milliseconds"),
        "expires_at": row.expires_at.isoformat(timespec="milliseconds"),
    }
