"""Requests about rows that may be another owner's, because their list is shared with the caller.

Everything is first looked for among the caller's own rows, so sharing costs nothing there. What is not found is looked
for by membership. A viewer who changes something gets InsufficientRole; a stranger what there is for an unknown id.
"""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import Database
from . import memberships, queries
from .list_queries import ListNotFound
from .memberships import EDITOR, InsufficientRole, Membership
from .queries import Within
from .rooms import Quota
from .transitions import Columns, TodoNotFound, UnknownList

T = TypeVar("T")
Act = Callable[[str, AsyncConnection, Quota, Within], Awaitable[T]]  # for this owner, in this transaction


async def read_todo(database: Database, subject: str, id_: uuid.UUID) -> Columns | None:
    """The todo, if the subject may see it."""
    row = await queries.find(subject, database, id_)
    if row is not None or (place := await memberships.find_by_todo(database, subject, id_)) is None:
        return row
    return await queries.find(place.owner, database.for_member(subject), id_, within=(place.list_id,))


async def change_todo(database: Database, subject: str, id_: uuid.UUID, act: Act[T], quota: Quota) -> T:
    """Call `act` in one transaction, for the owner of the todo.

    Raises:
        InsufficientRole: the subject may only see it.
    """
    try:
        async with database.writing(subject) as connection:
            return await act(subject, connection, quota, None)
    except TodoNotFound:
        return await change_shared(database, subject, id_, act, quota)


async def change_shared(database: Database, subject: str, id_: uuid.UUID, act: Act[T], quota: Quota) -> T:
    """As `change_todo`, for a todo that is not the subject's own.

    Raises:
        TodoNotFound: it is in no list that is shared with the subject.
        InsufficientRole: the subject may only see it.
    """
    place = await memberships.find_by_todo(database, subject, id_)
    if place is None:
        raise TodoNotFound
    _require_editor(place)
    return await _act_for_member(database, subject, place, act, quota)


async def add_todo(database: Database, subject: str, list_id: uuid.UUID | None, act: Act[T], quota: Quota) -> T:
    """Call `act`, which adds a todo, in one transaction for the owner of the list (None: the subject's inbox).

    Raises:
        UnknownList: the list is neither the subject's nor shared with it.
        InsufficientRole: the subject may only see it.
    """
    try:
        async with database.writing(subject) as connection:
            return await act(subject, connection, quota, None)
    except UnknownList:
        if list_id is None:
            raise
        place = await find_editable(database, subject, list_id)
    try:
        return await _act_for_member(database, subject, place, act, quota)
    except TodoNotFound:  # the membership has just ended
        raise UnknownList from None


async def _act_for_member(database: Database, subject: str, place: Membership, act: Act[T], quota: Quota) -> T:
    async with database.for_member(subject).writing(place.owner) as connection:
        within = await memberships.lock_writable(place.owner, connection, subject)
        return await act(place.owner, connection, of_another(quota), within)


async def find_editable(database: Database, subject: str, list_id: uuid.UUID) -> Membership:
    """Raises UnknownList and InsufficientRole."""
    place = await memberships.find_in_list(database, subject, list_id)
    if place is None:
        raise UnknownList
    _require_editor(place)
    return place


async def refuse_member(database: Database, subject: str, list_id: uuid.UUID) -> None:
    """For what only a list's owner may do: raises InsufficientRole if the subject is a member, else ListNotFound."""
    if await memberships.find_in_list(database, subject, list_id) is not None:
        raise InsufficientRole
    raise ListNotFound


def of_another(quota: Quota) -> Quota:
    """The quota of a list's owner in the hands of a member: the same limits, but the member cannot count the rows."""
    return replace(quota, sees_all=False)


def _require_editor(place: Membership) -> None:
    if place.role != EDITOR:
        raise InsufficientRole
