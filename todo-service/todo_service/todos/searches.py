"""Lists that may have to look at many todos for one that they show: with filters, with `q`, or of deleted todos.

They run in turns (limits/turns.py), and SQLite runs them in a thread. The filters are compared in an index. A search
by `q` compares texts, in slices of SLICE todos: each slice is a statement of a few milliseconds, costs as much as a
request, and is followed by a pause, so that others are served in between.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy import Row, Select

from ..http import costs
from ..store.database import Database
from . import filling, pages
from .folding import fold
from .lists import After, ListParameters
from .pages import Page

SLICE = 200


async def search(
    owner: str, database: Database, request: Request, *, shown: ListParameters, after: After | None, now: datetime
) -> Page:
    """The page after the todo `after`. Raises Problem if the quota of requests is spent in between."""
    if shown.q is None:
        async with database.scanning(owner) as connection:

            async def find(statement: Select[Any], parameters: dict[str, Any]) -> Sequence[Row[Any]]:
                rows: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
                return rows

            return await pages.find_page(owner, find, shown=shown, after=after, now=now)
    if database.member is None:  # a member of the owner's list could not fill anything
        await filling.fill(owner, database)
    page, contains, breath = Page(shown.limit), fold(shown.q), costs.Breath()
    while True:
        async with database.scanning(owner) as connection:
            end = await pages.find_end(owner, connection, shown=shown, after=after, count=SLICE, now=now)
            rows = await pages.read(
                owner,
                connection,
                shown=shown,
                after=after,
                until=end,
                contains=contains,
                limit=(wanted := page.missing),
                room=page.room,
                now=now,
            )
        if page.add(rows):
            return page
        if len(rows) == wanted:
            after = pages.place(rows[-1])
        elif end is None:
            return page
        else:
            after = end
        await costs.spend(request, database.member or owner)
        await breath.take()
