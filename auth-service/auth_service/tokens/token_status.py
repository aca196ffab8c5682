"""With which index of which list a token is issued: the one that its holder has, while that list is open.

Asking costs nothing but a look into memory. Only when the list has closed, once a day, is another index drawn, in a
transaction that finds the holder still alive: a holder that ends meanwhile gets none, and with it no token.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, update

from ..clients.clients import Client
from ..grants.grants import Grant
from ..oauth.status_list import StatusReference
from ..sessions.browser_sessions import BrowserSession
from ..status_lists import indexes as status_indexes
from ..status_lists.published import PublishedStatusLists
from ..store.database import Database


@dataclass(frozen=True)
class TokenStatus:
    database: Database
    lists: PublishedStatusLists

    async def of_session(self, session: BrowserSession, *, now: datetime) -> StatusReference | None:
        """For the client `web`. None: the session has just ended."""
        if self._needs_another(session):
            alive = (BrowserSession.id == session.id, BrowserSession.expires_at > now)
            return await self._draw(session, session.id, alive)
        return self._reference(session)

    async def of_grant(self, grant: Grant) -> StatusReference | None:
        """None: the grant has just ended."""
        if self._needs_another(grant):
            return await self._draw(grant, grant.id, (Grant.id == grant.id, Grant.ended_at.is_(None)))
        return self._reference(grant)

    async def of_client(self, client: Client) -> StatusReference | None:
        """For what a client gets for itself. None: it has just been deleted."""
        if self._needs_another(client):
            return await self._draw(client, client.client_id, (Client.client_id == client.client_id,))
        return self._reference(client)

    def _needs_another(self, holder: Any) -> bool:
        return not self.lists.is_usable(holder.status_list_id, holder.status_index)

    def _reference(self, holder: Any) -> StatusReference:
        return StatusReference(self.lists.uri(holder.status_list_id), holder.status_index)

    async def _draw(
        self, holder: Any, holder_id: str, is_alive: tuple[ColumnElement[bool], ...]
    ) -> StatusReference | None:
        async with self.database.writing() as session:
            # Locks the holder: who ends it now waits, and then finds the index that it is given here.
            locked = update(type(holder)).where(*is_alive).values(status_list_id=None, status_index=None)
            key = type(holder).__mapper__.primary_key[0]
            quietly = {"synchronize_session": False}
            if (await session.execute(locked.returning(key), execution_options=quietly)).one_or_none() is None:
                return None
            drawn = await status_indexes.allocate(session, holder_id)
            given = update(type(holder)).where(*is_alive).values(drawn.columns())
            await session.execute(given, execution_options=quietly)
        holder.status_list_id, holder.status_index = drawn.list_id, drawn.index
        return self._reference(holder)
