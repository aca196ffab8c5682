"""`groups`: groups of accounts, and who is in them (REGISTRATION.md)."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..roles import groups
from ..roles.bounds import TooMany
from ..roles.groups import GroupMember, GroupRefused
from ..store.instants import utc_now
from ..tokens.issued_before import end_issued, lock_sessions
from .named_accounts import Who, get_account
from .named_holders import Ends, lock_account, only
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show, show_pages

app = typer.Typer(help="Groups of accounts.", no_args_is_help=True)
PAGE = 500

Name = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name, as tokens have it.")]
Description = Annotated[str, typer.Option(metavar="TEXT", help="What the group is, for operators.")]
Whose = Annotated[str, typer.Option("--user", metavar="ID_OR_EMAIL", help="Only the groups of this account.")]


@app.command()
def create(name: Name, description: Description = "", as_json: AsJson = False) -> None:
    """Make a group, or replace its description."""
    show([run(transact(_create, name, description))], as_json=as_json)


@app.command()
def delete(name: Name, now: Ends = False, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete a group. Its members lose it; tokens that are issued from then on lack it."""
    if not yes:
        confirm(f"Delete the group {name}? {run(_count(name))} accounts are in it.", yes=False)
    show([run(transact(_delete, name, ends=now))], as_json=as_json)


@app.command()
def grant(who: Who, name: Name, now: Ends = False, as_json: AsJson = False) -> None:
    """Put an account into a group. Tokens that are issued from then on name it, within 5 seconds."""
    show([run(transact(_change, who, name, given=True, ends=now))], as_json=as_json)


@app.command()
def revoke(who: Who, name: Name, now: Ends = False, as_json: AsJson = False) -> None:
    """Take an account out of a group. Tokens that are issued from then on lack it, within 5 seconds."""
    show([run(transact(_change, who, name, given=False, ends=now))], as_json=as_json)


@app.command("list")
def list_(user: Whose = "", as_json: AsJson = False) -> None:
    """List all groups by name, or those of one account."""
    if user:
        run(show_pages(_pages(user=user), as_json=as_json))
    else:
        show(run(_list()), as_json=as_json)


@app.command()
def members(name: Name, as_json: AsJson = False) -> None:
    """List the accounts in a group, ordered by id."""
    run(show_pages(_pages(group=name), as_json=as_json))


async def _create(session: AsyncSession, name: str, description: str) -> Record:
    await groups.exclude_others(session)
    try:
        changed = await groups.put(session, name, description, now=(now := utc_now()))
    except GroupRefused as error:
        raise CommandRefused(str(error)) from None
    if changed:
        await record(session, "group_created", now=now, group=name)
    return {"group": name, "description": description, "status": "created" if changed else "unchanged"}


async def _delete(session: AsyncSession, name: str, *, ends: bool) -> Record:
    await groups.exclude_others(session)
    await _get(session, name)
    now, members = utc_now(), groups.select_members(name)
    session_ids = await lock_sessions(session, members) if ends else ()
    await groups.lock_group(session, name)
    count = await groups.count_members(session, name)
    if ends:
        await end_issued(session, members, session_ids, now=now)
    await groups.delete_group(session, name)
    await record(session, "group_deleted", now=now, group=name, members=count)
    return {"group": name, "members": count, "status": "deleted"}


async def _change(session: AsyncSession, who: str, name: str, *, given: bool, ends: bool) -> Record:
    await groups.exclude_others(session)
    await _get(session, name)
    account, now = await lock_account(session, who), utc_now()
    session_ids = await lock_sessions(session, only(account)) if ends else ()
    try:
        changed = await (
            groups.add(session, name, account.id, now=now) if given else groups.remove(session, name, account.id)
        )
    except TooMany as error:
        raise CommandRefused(f"{who} is in too many groups: {error}") from None
    if changed:
        event = "group_granted" if given else "group_revoked"
        await record(session, event, now=now, account_id=account.id, group=name)
    if ends:
        await end_issued(session, only(account), session_ids, now=now)
    status = ("granted" if given else "revoked") if changed else "unchanged"
    return {"account_id": account.id, "group": name, "status": status}


async def _get(session: AsyncSession, name: str) -> groups.Group:
    found = await groups.find(session, name)
    if found is None:
        raise CommandRefused(f"there is no group {name!r} (groups create)")
    return found


async def _count(name: str) -> int:
    async with opened() as database, database.reading() as session:
        await _get(session, name)
        return await groups.count_members(session, name)


async def _list() -> list[Record]:
    async with opened() as database, database.reading() as session:
        return [
            {"group": group.name, "description": group.description, "members": count}
            for group, count in await groups.list_groups(session)
        ]


async def _pages(*, user: str = "", group: str = "") -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        account_id = (await get_account(session, user)).id if user else None
        if group:
            await _get(session, group)
        after = ("", "")
        while page := await groups.list_members(
            session, account_id=account_id, group=group or None, after=after, limit=PAGE
        ):
            after = page[-1].account_id, page[-1].group
            yield list(map(_record_of, page))


def _record_of(member: GroupMember) -> Record:
    since = member.created_at.isoformat(timespec="milliseconds")
    return {"account_id": member.account_id, "group": member.group, "since": since}
