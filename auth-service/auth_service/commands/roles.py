"""`roles`: which account or service has which role at which API (REGISTRATION.md)."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import clients
from ..clients import roles as client_roles
from ..oauth.resources import Resource
from ..resources import resources
from ..roles import assigned
from ..roles.bounds import TooMany
from ..settings.settings import load_settings
from ..store.instants import utc_now
from ..tokens.issued_before import end_issued, lock_sessions
from .named_accounts import get_account
from .named_holders import Ends, Holder, find_service, lock_account, only
from .opened import CommandRefused, opened, run, transact
from .output import AsJson, Record, show, show_pages

app = typer.Typer(help="Roles of accounts and services at APIs.", no_args_is_help=True)
PAGE = 500

RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="A role that the API's registration declares.")]
Api = Annotated[str, typer.Option("--resource", metavar="URI", help="The API.")]
OneApi = Annotated[str, typer.Option("--resource", metavar="URI", help="Only roles at this API.")]
Whose = Annotated[str, typer.Option("--user", metavar="WHO", help="Only this account's, or this client's.")]


@app.command()
def grant(who: Holder, role: RoleName, resource: Api, now: Ends = False, as_json: AsJson = False) -> None:
    """Give an account or a service a role at an API. Tokens that are issued from then on name it, within 5 seconds."""
    _run(who, role, resource, given=True, ends=now, as_json=as_json)


@app.command()
def revoke(who: Holder, role: RoleName, resource: Api, now: Ends = False, as_json: AsJson = False) -> None:
    """Take a role from an account or a service. Tokens that are issued from then on lack it, within 5 seconds."""
    _run(who, role, resource, given=False, ends=now, as_json=as_json)


@app.command("list")
def list_(user: Whose = "", resource: OneApi = "", as_json: AsJson = False) -> None:
    """List who has which role: services first, then accounts, each ordered by id."""
    run(show_pages(_pages(user, resource), as_json=as_json))


def _run(who: str, role: str, resource: str, *, given: bool, ends: bool, as_json: bool) -> None:
    change = transact(_change, load_settings().issuer, who, role, resource, given=given, ends=ends)
    show([run(change)], as_json=as_json)


async def _change(
    session: AsyncSession, issuer: str, who: str, role: str, resource: str, *, given: bool, ends: bool
) -> Record:
    apis = await resources.load_locked(session, issuer)
    declared = _declared(apis.find(resource), resource, role)
    try:
        if await find_service(session, who) is not None:
            return await _change_of_service(session, who, declared, role, given=given, ends=ends)
        return await _change_of_account(session, who, declared, role, given=given, ends=ends)
    except TooMany as error:
        raise CommandRefused(f"{who} has too many roles at {resource}: {error}") from None


def _declared(api: Resource | None, resource: str, role: str) -> str:
    """The API's identifier. Raises CommandRefused unless it declares the role."""
    if api is None:
        raise CommandRefused(f"there is no API {resource!r}")
    if role not in api.roles:
        known = f"it declares {', '.join(sorted(api.roles))}" if api.roles else "it declares none"
        raise CommandRefused(f"{resource} declares no role {role!r}: {known} (resources update)")
    return api.resource


async def _change_of_service(
    session: AsyncSession, client_id: str, resource: str, role: str, *, given: bool, ends: bool
) -> Record:
    held = await client_roles.lock(session, client_id)
    if held is None:
        raise CommandRefused(f"there is no client {client_id!r}")
    own, now = set(held.get(resource, ())), utc_now()
    after = own | {role} if given else own - {role}
    if after != own:
        await client_roles.replace(session, client_id, {**held, resource: after}, now=now)
        await record(session, _event(given=given), now=now, client_id=client_id, resource=resource, role=role)
    if ends:
        await clients.revoke_own_tokens(session, client_id, now=now)
    return _record_of("client", client_id, resource, role, given=given, changed=after != own)


async def _change_of_account(
    session: AsyncSession, who: str, resource: str, role: str, *, given: bool, ends: bool
) -> Record:
    account, now = await lock_account(session, who), utc_now()
    session_ids = await lock_sessions(session, only(account)) if ends else ()
    if given:
        changed = await assigned.assign(session, account.id, resource, role, now=now)
    else:
        changed = await assigned.unassign(session, account.id, resource, role)
    if changed:
        await record(session, _event(given=given), now=now, account_id=account.id, resource=resource, role=role)
    if ends:
        await end_issued(session, only(account), session_ids, now=now)
    return _record_of("account", account.id, resource, role, given=given, changed=changed)


def _event(*, given: bool) -> str:
    return "role_granted" if given else "role_revoked"


def _record_of(kind: str, holder: str, resource: str, role: str, *, given: bool, changed: bool) -> Record:
    status = ("granted" if given else "revoked") if changed else "unchanged"
    return {"kind": kind, "id": holder, "resource": resource, "role": role, "status": status}


async def _pages(user: str, resource: str) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        service = await clients.find(session, user) if user else None
        account_id = (await get_account(session, user)).id if user and service is None else None
        after = ""
        while account_id is None and (found := await clients.list_clients(session, after=after, limit=PAGE)):
            after = found[-1].client_id
            ours = [each for each in found if service is None or each.client_id == service.client_id]
            page = [line for each in ours for line in _lines(each, resource)]
            if page:
                yield page
        place = ("", "", "")
        while service is None and (
            rows := await assigned.list_assigned(
                session, account_id=account_id, resource=resource or None, after=place, limit=PAGE
            )
        ):
            place = rows[-1].account_id, rows[-1].resource, rows[-1].role
            yield [_line("account", each.account_id, each.resource, each.role) for each in rows]


def _lines(client: clients.Client, only: str) -> list[Record]:
    held = client_roles.roles_of(client).items()
    return [_line("client", client.client_id, api, role) for api, roles in held if only in ("", api) for role in roles]


def _line(kind: str, holder: str, resource: str, role: str) -> Record:
    return {"kind": kind, "id": holder, "resource": resource, "role": role}
