"""What a change makes of a todo: the columns to write. Nothing here reads or writes a database."""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from . import rooms
from .folding import fold

RESTORE_TTL = timedelta(days=30)
Versions = Collection[int] | None  # the versions that the client accepts; None: any
Columns = Mapping[str, Any] | RowMapping


class TodoNotFound(Exception):
    """The owner has no such todo."""


class UnknownList(Exception):
    """The owner has no such list to put the todo into."""


class VersionDiffers(Exception):
    """The todo has another version than the client accepts. `version` is the present one."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version


def created(fields: Mapping[str, Any], *, id_: uuid.UUID, now: datetime) -> dict[str, Any]:
    """A new todo. Without a position it comes after all existing ones."""
    return {
        **fields,
        **_searched(fields["title"], fields["notes"]),
        "id": id_,
        "completed_at": now if fields["status"] == "done" else None,
        "position": fields["position"] or f"{id_.hex[:16]}V",
        "version": 1,
        "folded_version": 1,
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
    }


def changed(row: Columns | None, columns: Mapping[str, Any], *, versions: Versions, now: datetime) -> dict[str, Any]:
    """The columns to write; none if all values stay the same. Raises TodoNotFound and VersionDiffers."""
    row = check(row, versions)
    if all(row[name] == value for name, value in columns.items() if name in row):
        return {}
    return _written(row, {**columns, **_completed_at(row, columns, now)}, now)


def removed(row: Columns | None, *, versions: Versions, now: datetime) -> dict[str, Any]:
    """The columns of a deletion. Raises TodoNotFound and VersionDiffers."""
    return _written(check(row, versions), {"deleted_at": now}, now)


def restored(
    row: Columns | None, *, versions: Versions, now: datetime, lists: Collection[uuid.UUID | None]
) -> dict[str, Any]:
    """The columns that undo a deletion; none if the todo is not deleted. Raises TodoNotFound and VersionDiffers.

    A todo whose list is not among the owner's `lists` any more goes to the inbox.
    """
    row, is_deleted = check_restorable(row, versions, now=now)
    if not is_deleted:
        return {}
    moved = {} if row["list_id"] in lists else {"list_id": None}
    return _written(row, {"deleted_at": None, **moved}, now)


def check(row: Columns | None, versions: Versions, absent: type[Exception] = TodoNotFound) -> Columns:
    """The row of a todo or list that can be changed. Raises `absent` and VersionDiffers."""
    if row is None or row["deleted_at"] is not None:
        raise absent
    _check_version(row, versions)
    return row


def check_restorable(
    row: Columns | None, versions: Versions, *, now: datetime, absent: type[Exception] = TodoNotFound
) -> tuple[Columns, bool]:
    """The row of a todo or list that can be restored, and whether it is deleted. Raises `absent` and VersionDiffers."""
    if row is None:
        raise absent
    _check_version(row, versions)
    is_deleted = row["deleted_at"] is not None
    if is_deleted and row["deleted_at"] <= now - RESTORE_TTL:
        raise absent
    return row, is_deleted


def _check_version(row: Columns, versions: Versions) -> None:
    if versions is not None and row["version"] not in versions:
        raise VersionDiffers(row["version"])


def more_octets(row: Columns, written: Mapping[str, Any]) -> int:
    """How many octets more the written todo takes than the row."""
    before = rooms.ROW if row["octets"] is None else row["octets"]
    return int(written.get("octets", before)) - before


def _written(row: Columns, columns: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    version = row["version"] + 1
    is_old = row["folded_version"] != row["version"]  # the version before 0004 wrote this row
    if is_old or "title" in columns or "notes" in columns:
        columns = {**columns, **_searched(columns.get("title", row["title"]), columns.get("notes", row["notes"]))}
    return {**columns, "version": version, "folded_version": version, "updated_at": now}


def _searched(title: str, notes: str) -> dict[str, Any]:
    return {
        "octets": rooms.of_todo(title, notes),
        "folded": f"{fold(title)}\n{fold(notes)}",  # `q` has no line break, so it never matches across the two
    }


def _completed_at(row: Columns, columns: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The new time of completion, if the status changes. Completing a todo again keeps the first time."""
    if columns.get("status", row["status"]) == row["status"]:
        return {}
    return {"completed_at": now if columns["status"] == "done" else None}
