"""The status index of a new token: its holder's index, as long as that is usable.

Usually this is a look-up in memory. When the list has closed, once a day, a new index is drawn in a transaction that
locks the live holder. A holder that has ended gets no index, and so no token.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients.clients import Client
from ..grants.grants import Grant
from ..oauth.status_list import StatusReference
from ..sessions.browser_sessions import BrowserSession
from ..status_lists import indexes as status_indexes
from ..status_lists.indexes import Allocated
from ..status_lists.published import PublishedStatusLists
from ..store.database import Database
from ..store.rows import Row


@dataclass(frozen=True)
class TokenStatus:
    database: Database
    lists: PublishedStatusLists

    async def of_session(self, session: BrowserSession, *, now: datetime) -> StatusReference | None:
        """The index for a token of the client `web`. None: the session has just ended."""
        held = self._usable(session)
        if held is not None:
            return held
        alive = (BrowserSession.id == session.id, BrowserSession.expires_at > now)
        return await self._reference_drawn(session, session.id, alive, now)

    async def of_grant(self, grant: Grant, *, now: datetime) -> StatusReference | None:
        """The index for a token of a grant. None: the grant has just ended."""
        held = self._usable(grant)
        if held is not None:
            return held
        return await self._reference_drawn(grant, grant.id, (Grant.id == grant.id, Grant.ended_at.is_(None)), now)

    async def of_client(self, client: Client, *, now: datetime) -> StatusReference | None:
        """The index for a client_credentials token. None: the client has just been deleted or changed.

        A client is cached for seconds. Its registration and roles are compared, so that a process that does not
        know yet of an API's removal, or of a role's, draws no new index for it.
        """
        held = self._usable(client)
        if held is not None:
            return held
        unchanged = (Client.registered == client.registered, Client.roles == client.roles)
        same = (Client.client_id == client.client_id, *unchanged)
        return await self._reference_drawn(client, client.client_id, same, now)

    def _usable(self, holder: Any) -> StatusReference | None:
        """The holder's index. None: it has none, or needs another."""
        list_id, index = holder.status_list_id, holder.status_index
        return StatusReference(self.lists.uri(list_id), index) if self.lists.is_usable(list_id, index) else None

    async def _reference_drawn(
        self, holder: Any, holder_id: str, is_alive: tuple[ColumnElement[bool], ...], now: datetime
    ) -> StatusReference | None:
        drawn = await self.database.transact(_draw, type(holder), holder_id, is_alive)
        if drawn is None:
            return None
        holder.status_list_id, holder.status_index = drawn.list_id, drawn.index
        if drawn.list_id not in self.lists.current:
            await self.lists.look(now=now)  # another process has just made the list
        return StatusReference(self.lists.uri(drawn.list_id), drawn.index)


async def _draw(
    session: AsyncSession, kind: type[Row], holder_id: str, is_alive: tuple[ColumnElement[bool], ...]
) -> Allocated | None:
    """Give the holder another index, if it is alive.

    It is locked first: a transaction that ends it waits, and then revokes the index that is drawn here. A first UPDATE
    would do that too, but a second one of the same row locks its account and its client (store/__init__.py, "Locks").
    """
    key = kind.__mapper__.primary_key[0]
    if await session.scalar(select(key).where(*is_alive).with_for_update(key_share=True)) is None:
        return None
    drawn = await status_indexes.allocate(session, holder_id)
    given = update(kind).where(key == holder_id).values(drawn.columns())
    await session.execute(given, execution_options={"synchronize_session": False})
    return drawn
