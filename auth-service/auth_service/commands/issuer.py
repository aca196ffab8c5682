"""`issuer`: moves what is stored under another name of this issuer, such as the http one of before, to AUTH_ISSUER.

Stored are the names of our own APIs: in the registry, consents, codes and refresh tokens, and in clients' metadata. An
API of somebody else keeps its name, also if its name begins like ours.
"""

import json
from typing import Annotated, Any

import typer
from sqlalchemy import Table, and_, delete, exists, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients.clients import Client
from ..migrations.tables import import_tables
from ..network.trusted_origins import parse_origin
from ..settings.settings import load_settings
from ..store.instants import utc_now
from .opened import CommandRefused, Yes, confirm, opened, run
from .output import AsJson, Record, show

app = typer.Typer(help="The name of this issuer.", no_args_is_help=True)
MEMBERS = ("default_resource", "protected_resource", "exchange")  # of a client's metadata

Old = Annotated[str, typer.Argument(metavar="OLD_ISSUER", help="The issuer of before, such as http://localhost:8080.")]


@app.callback()
def issuer() -> None:
    """The name of this issuer."""


@app.command()
def move(old: Old, yes: Yes = False, as_json: AsJson = False) -> None:
    """Move consents, refresh tokens and clients from OLD_ISSUER to AUTH_ISSUER. Repeating it changes nothing.

    Run it after AUTH_ISSUER was changed, before the services are started. Consents and refresh tokens for our own APIs
    stay valid. Access tokens of before are refused, because their issuer is another one.
    """
    new = load_settings().issuer
    if parse_origin(old) != old or old == new:
        raise CommandRefused("OLD_ISSUER must be an origin such as http://localhost:8080, and not AUTH_ISSUER itself")
    confirm(f"Move what is stored under {old} to {new}?", yes=yes)
    show(run(_move(old, new)), as_json=as_json)


async def _move(old: str, new: str) -> list[Record]:
    tables = [row.__table__ for row in import_tables() if "resource" in row.__table__.columns]
    # An API's own row is the parent of others: its copy is there before they refer to it, and it goes after them.
    apis = [table for table in tables if [column.name for column in table.primary_key] == ["resource"]]
    async with opened() as database, database.writing() as session:
        for table in apis:
            await _copy(session, table, old, new)
        counts = {t.name: await _rename(session, t, old, new) for t in tables if t not in apis}
        for table in apis:
            counts[table.name] = await _delete(session, table, old, new)
        counts["clients"] = await _move_clients(session, old, new)
        if any(counts.values()):
            await record(session, "issuer_moved", now=utc_now(), old=old, new=new)
    return [{"what": name, "moved": count} for name, count in sorted(counts.items())]


def moved(names: str, old: str, new: str) -> str:
    """Names of APIs, separated by spaces, with ours under the new issuer."""
    return " ".join(
        new + name.removeprefix(old) if name == old or name.startswith(f"{old}/") else name for name in names.split(" ")
    )


async def _changes(session: AsyncSession, table: Table, old: str, new: str) -> dict[str, str]:
    """The table's names that change, and what they become."""
    found = await session.scalars(select(table.c.resource).distinct())
    return {name: became for name in found if (became := moved(name, old, new)) != name}


async def _copy(session: AsyncSession, table: Table, old: str, new: str) -> None:
    for before, after in (await _changes(session, table, old, new)).items():
        if await session.scalar(select(table.c.resource).where(table.c.resource == after)) is None:
            columns = [literal(after) if column.name == "resource" else column for column in table.columns]
            copied = select(*columns).where(table.c.resource == before)
            await session.execute(insert(table).from_select([column.name for column in table.columns], copied))


async def _rename(session: AsyncSession, table: Any, old: str, new: str) -> int:
    """Where the new name is there already (a person has consented again since), the row of before is deleted."""
    count = 0
    for before, after in (await _changes(session, table, old, new)).items():
        is_before = table.c.resource == before
        if "resource" in table.primary_key.columns:
            newer = table.alias()
            others = [newer.c[key.name] == key for key in table.primary_key if key.name != "resource"]
            is_there = exists().where(and_(newer.c.resource == after, *others))
            await session.execute(delete(table).where(is_before, is_there))
        done = await session.execute(update(table).where(is_before).values(resource=after).returning(table.c.resource))
        count += len(done.all())
    return count


async def _delete(session: AsyncSession, table: Table, old: str, new: str) -> int:
    names = list(await _changes(session, table, old, new))
    await session.execute(delete(table).where(table.c.resource.in_(names)))
    return len(names)


async def _move_clients(session: AsyncSession, old: str, new: str) -> int:
    count = 0
    for client_id, registered in (await session.execute(select(Client.client_id, Client.registered))).all():
        members: dict[str, Any] = json.loads(registered)
        changed = {name: _moved_member(members[name], old, new) for name in MEMBERS if name in members}
        if changed.items() <= members.items():
            continue
        where = update(Client).where(Client.client_id == client_id)
        await session.execute(where.values(registered=json.dumps({**members, **changed}), updated_at=utc_now()))
        count += 1
    return count


def _moved_member(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):  # a rule of `exchange`
        return {**value, "resource": moved(value["resource"], old, new)}
    if isinstance(value, list):
        return [_moved_member(each, old, new) for each in value]
    return moved(value, old, new)
