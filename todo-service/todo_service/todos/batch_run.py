"""Does the operations of a batch: reads all their todos at once, changes them in memory, and writes them at once.

So a batch of a hundred operations takes five statements, and holds SQLite's writer as long as a few single requests do.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from . import owners, queries, transitions
from .owners import QuotaExceeded, Standing
from .rooms import Quota
from .transitions import Columns

_WRITTEN = (
    "title", "notes", "status", "completed_at", "priority", "due", "due_at", "position", "list_id", "version",
    "updated_at", "deleted_at", "octets", "folded", "folded_version",
)  # fmt: skip


@dataclass
class BatchRun:
    """One batch in one transaction. `begin` reads, the operations change, `finish` writes."""

    owner: str
    connection: AsyncConnection
    now: datetime
    quota: Quota
    standing: Standing
    rows: dict[uuid.UUID, Columns]
    _sequence: int
    _new: list[dict[str, Any]] = field(default_factory=list)
    _changed: dict[uuid.UUID, dict[str, Any]] = field(default_factory=dict)
    _departed: list[tuple[Columns, int]] = field(default_factory=list)  # todos as they were, and the change's number
    _lists: set[uuid.UUID] | None = None
    _stored: tuple[int, int] = (0, 0)  # rows and octets without what this batch has added

    @classmethod
    async def begin(
        cls,
        owner: str,
        connection: AsyncConnection,
        ids: Sequence[uuid.UUID],
        *,
        count: int,
        now: datetime,
        quota: Quota,
    ) -> "BatchRun":
        """Take `count` numbers of the owner, which locks out the owner's other changes, and read the todos."""
        standing = await owners.enter(owner, connection, by=count)
        found = await queries.find_many(owner, connection, set(ids)) if ids else {}
        rows: dict[uuid.UUID, Columns] = {**found}
        return cls(
            owner,
            connection,
            now,
            quota,
            standing,
            rows,
            standing.sequence - count,
            _stored=(standing.rows, standing.octets),
        )

    async def create(self, row: dict[str, Any]) -> Columns:
        """Add a row of `transitions.created`. Raises QuotaExceeded and UnknownList."""
        await self._require_list(row["list_id"])
        await self._add(todos=1, rows=1, octets=row["octets"])
        self._new.append({**row, "sequence": self._next()})
        return row

    async def change(self, id_: uuid.UUID, columns: Mapping[str, Any], versions: transitions.Versions) -> Columns:
        row = self.rows.get(id_)
        written = transitions.changed(row, columns, versions=versions, now=self.now)
        await self._require_list(written.get("list_id"))
        changed = await self._write(id_, written)
        if row is not None and changed["list_id"] != row["list_id"]:
            self._departed.append((row, self._sequence))
        return changed

    async def remove(self, id_: uuid.UUID, versions: transitions.Versions) -> None:
        await self._write(id_, transitions.removed(self.rows.get(id_), versions=versions, now=self.now), todos=-1)

    async def restore(self, id_: uuid.UUID, versions: transitions.Versions) -> Columns:
        row = self.rows.get(id_)
        lists = await self._find_lists() if row is not None and row["list_id"] is not None else {None}
        return await self._write(id_, transitions.restored(row, versions=versions, now=self.now, lists=lists), todos=1)

    async def _require_list(self, id_: uuid.UUID | None) -> None:
        if id_ is not None and id_ not in await self._find_lists():
            raise transitions.UnknownList

    async def _find_lists(self) -> set[uuid.UUID]:
        if self._lists is None:
            self._lists = await queries.find_lists(self.owner, self.connection)
        return self._lists

    async def finish(self) -> None:
        if self._new:
            await queries.insert_many(self.owner, self.connection, self._new)
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for id_, written in self._changed.items():
            row = {name: written[name] for name in (*_WRITTEN, "sequence") if name in written}
            by_columns.setdefault(tuple(row), []).append({"id": id_, **row})
        for rows in by_columns.values():
            await queries.update_many(self.owner, self.connection, rows)
        for before, sequence in self._departed:
            await queries.note_departure(self.owner, self.connection, before, sequence=sequence, now=self.now)
        await owners.leave(self.owner, self.connection, self.standing)

    async def _write(self, id_: uuid.UUID, written: Mapping[str, Any], *, todos: int = 0) -> Columns:
        row = self.rows[id_]
        if not written:
            return row
        await self._add(todos=todos, octets=transitions.more_octets(row, written))
        self.rows[id_] = {**row, **{name: value for name, value in written.items() if name != "folded"}}
        self._changed[id_] = {**self._changed.get(id_, {}), **written, "sequence": self._next()}
        return self.rows[id_]

    async def _add(self, *, todos: int = 0, rows: int = 0, octets: int = 0) -> None:
        try:
            self.standing.add(quota=self.quota, todos=todos, rows=rows, octets=octets)
        except QuotaExceeded as refused:
            if refused.what == "todos" or not await self._recount():
                raise
            self.standing.add(quota=self.quota, todos=todos, rows=rows, octets=octets)

    async def _recount(self) -> bool:
        """Count the room anew; what this batch has added is not in the rows yet."""
        added_rows, added_octets = self.standing.rows - self._stored[0], self.standing.octets - self._stored[1]
        if not await owners.recount(self.owner, self.connection, self.standing, quota=self.quota, now=self.now):
            return False
        self._stored = (self.standing.rows, self.standing.octets)
        self.standing.rows += added_rows
        self.standing.octets += added_octets
        return True

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence
