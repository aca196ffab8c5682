"""`sessions`: lists and ends browser sessions. They are named by id; handles and credentials are never shown."""

from collections.abc import AsyncIterator
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..sessions.browser_sessions import BrowserSession, end_session_by_id
from ..sessions.listing import list_all_live
from ..store.instants import utc_now
from .named_accounts import get_account
from .opened import CommandRefused, opened, run, transact
from .output import AsJson, Record, show, show_pages

app = typer.Typer(help="Browser sessions: who is signed in.", no_args_is_help=True)
PAGE = 500

Whose = Annotated[str, typer.Option("--user", metavar="ID_OR_EMAIL", help="Only this account's.")]


def record_of(session: BrowserSession, status: str = "live") -> Record:
    return {
        "id": session.id,
        "account_id": session.account_id,
        "status": status,
        "ip_address": session.ip_address,
        "user_agent": session.user_agent,
        "created_at": session.created_at.isoformat(timespec="milliseconds"),
        "updated_at": session.updated_at.isoformat(timespec="milliseconds"),
        "expires_at": session.expires_at.isoformat(timespec="milliseconds"),
    }


@app.command("list")
def list_(user: Whose = "", as_json: AsJson = False) -> None:
    """List live sessions, ordered by id."""
    run(show_pages(_pages(user), as_json=as_json))


@app.command()
def revoke(
    session_id: Annotated[str, typer.Argument(metavar="SESSION_ID", help="The session's id, as `list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """End one session. Its next request is refused."""
    show([run(_revoke(session_id))], as_json=as_json)


async def _pages(user: str) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        account_id = (await get_account(session, user)).id if user else None
        after, now = "", utc_now()
        while page := await list_all_live(session, account_id=account_id, after=after, limit=PAGE, now=now):
            after = page[-1].id
            yield list(map(record_of, page))


async def _revoke(session_id: str) -> Record:
    ended = await transact(_end, session_id)
    if ended is None:
        raise CommandRefused("there is no session with this id")  # not quoted: it may be a credential by mistake
    return record_of(ended, "revoked")


async def _end(session: AsyncSession, session_id: str) -> BrowserSession | None:
    ended = await end_session_by_id(session, session_id, now=(now := utc_now()))
    if ended is not None:
        await record(session, "session_revoked", now=now, account_id=ended.account_id, session_id=ended.id)
    return ended
