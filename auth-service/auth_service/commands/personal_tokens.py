"""`tokens`: personal access tokens, made for a person who asks an operator; they make them at /personal-tokens, too."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import clients
from ..clients.clients import WEB_CLIENT_ID
from ..oauth import scope
from ..oauth.errors import InvalidScope
from ..oauth.names import NotAName, parse_name
from ..store.instants import utc_now
from ..tokens import personal_tokens
from ..tokens.personal_tokens import MAX_LIFETIME, PersonalToken, TooManyTokens, Wanted, scopes_for
from .durations import parse_duration
from .named_accounts import Who, get_account
from .opened import CommandRefused, Yes, confirm, opened, run, transact
from .output import AsJson, Record, show, show_pages
from .registrations import load_resources

app = typer.Typer(help="Personal access tokens: scripts that act for a person.", no_args_is_help=True)
PAGE = 500

Name = Annotated[str, typer.Option(help="What it is for, in the words of its person.")]
Api = Annotated[str, typer.Option(metavar="URI", help="The one API that it is for.")]
Scope = Annotated[str, typer.Option(help="Its scopes there, separated by spaces.")]
Lifetime = Annotated[str, typer.Option(metavar="DURATION", help="How long it works, at most P366D.")]
TokenId = Annotated[str, typer.Argument(metavar="ID", help="The token's id, as `list` shows it; not the token.")]
Whose = Annotated[str, typer.Option("--user", metavar="ID_OR_EMAIL", help="Only this account's.")]


@app.command()
def create(who: Who, name: Name, resource: Api, scope: Scope, lifetime: Lifetime) -> None:
    """Make a token for a person, and print it with its id. The token is shown only now: send it over a safe way.

    Its scopes are those that people get by signing in at the client `web`, or some of them. An API that asks for a
    recent sign-in refuses what it is traded for: nobody was authenticated for it.
    """
    lasting = parse_duration(lifetime, "--lifetime", timedelta(seconds=1), MAX_LIFETIME)
    typer.echo(json.dumps(run(transact(_create, who, name, resource, scope, lasting))))


@app.command("list")
def list_(user: Whose = "", as_json: AsJson = False) -> None:
    """List the tokens that work, ordered by id."""
    run(show_pages(_pages(user), as_json=as_json))


@app.command()
def revoke(token_id: TokenId, yes: Yes = False, as_json: AsJson = False) -> None:
    """End a token, and every access token that it was traded for."""
    confirm(f"End the personal access token {token_id}?", yes=yes)
    show([run(transact(_revoke, token_id))], as_json=as_json)


async def _create(
    session: AsyncSession, who: str, name: str, resource: str, asked: str, lifetime: timedelta
) -> dict[str, Any]:
    account, now = await get_account(session, who), utc_now()
    known = await load_resources(session)
    allowed = scopes_for(known.find(resource), await clients.find(session, WEB_CLIENT_ID))
    try:
        scopes, named = scope.narrow(allowed, asked), parse_name(name)
    except InvalidScope:
        raise CommandRefused(f"--scope: people may have here: {' '.join(allowed) or 'nothing'}") from None
    except NotAName as error:
        raise CommandRefused(f"--name: {error}") from None
    try:
        made = await personal_tokens.create(session, Wanted(account.id, named, resource, scopes, lifetime), now=now)
    except TooManyTokens:
        raise CommandRefused(f"the account has {personal_tokens.MAX_PER_ACCOUNT} tokens; revoke one") from None
    if made is None:
        raise CommandRefused("the account has just been deleted")
    row, token = made
    facts: dict[str, Any] = {"personal_token_id": row.id, "resource": resource, "by": "operator"}
    await record(session, "personal_token_created", now=now, account_id=account.id, **facts)
    return {**_record_of(row), "personal_access_token": token}


async def _pages(user: str) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        account_id, after, now = (await get_account(session, user)).id if user else None, "", utc_now()
        while page := await personal_tokens.list_live(session, account_id, after=after, limit=PAGE, now=now):
            after = page[-1].id
            yield list(map(_record_of, page))


async def _revoke(session: AsyncSession, token_id: str) -> Record:
    ended = await personal_tokens.revoke(session, token_id, now=(now := utc_now()))
    if ended is None:
        raise CommandRefused("there is no personal access token with this id")  # not quoted: it may be the token
    facts: dict[str, Any] = {"personal_token_id": ended.id, "by": "operator"}
    await record(session, "personal_token_revoked", now=now, account_id=ended.account_id, **facts)
    return _record_of(ended)


def _record_of(row: PersonalToken) -> Record:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "name": row.name,
        "resource": row.resource,
        "scope": row.scope,
        "created_at": row.created_at.isoformat(timespec="milliseconds"),
        "last_used_at": row.last_used_at.isoformat(timespec="milliseconds") if row.last_used_at else "",
        "expires_at": row.expires_at.isoformat(timespec="milliseconds"),
    }
