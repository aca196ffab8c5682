"""The most frequent changes of todos, each as one statement on PostgreSQL (store/prepared.py).

A statement locks the owner's counters first, as the transactions of queries.py do. A locked row is read as it is then,
so what the statement requires of it stays true until the end. If something else than usual is there, such as no room or
another version, the statement changes nothing and returns no row: then queries.py decides in a transaction.
"""

# ruff: noqa: S608 - all statements are made of constants

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, TextClause, TextualSelect, bindparam, text

from ..store.database import Database
from . import owners, queries, transitions
from .rooms import Quota
from .table import idempotency_keys, todos
from .transitions import Columns, Versions

Stored = Mapping[str, Any]  # columns of `idempotency_keys`

_GIVEN = tuple(column for column in todos.c if column.name != "sequence")
_COUNTS = f"{owners.ADVANCED}, todo_count = owners.todo_count + 1, kept_rows = owners.kept_rows + 1, kept_octets = owners.kept_octets + :octets_"  # noqa: E501 - one clause
_HAS_ROOM = "owners.todo_count < :todos AND owners.kept_rows < :rows AND " + owners.HAS_ROOM
_BY = bindparam("by", 1, type_=BigInteger)


async def create(
    owner: str,
    database: Database,
    *,
    values: Mapping[str, Any],
    quota: Quota,
    stored: Stored | None = None,
    octets: int = 0,
) -> bool:
    """Add a todo with the columns of `transitions.created`; with `stored`, which takes `octets`, keep a response, too.

    False if queries.py has to add or to refuse it.
    """
    more = values["octets"] + octets
    if database.prepared is None or more > quota.octets:
        return False
    limits = {"todos": quota.todos, "rows": quota.rows, "most": quota.octets}
    counted = {"owner_": owner, "octets_": more, **limits}
    if stored is None and values["list_id"] is None:
        parameters = {**values, **owners.added(owner, octets=more, quota=quota)}
        return bool(await database.change_at_once(owner, _CREATE_ANY, parameters))
    statement = _create(values["list_id"] is not None, stored is not None)
    kept = {f"kept_{name}": value for name, value in (stored or {}).items()}
    return bool(await database.change_at_once(owner, statement, {**values, "owner": owner, **counted, **kept}))


async def change(
    owner: str,
    database: Database,
    id_: UUID,
    columns: Mapping[str, Any],
    *,
    versions: Versions,
    now: datetime,
    quota: Quota,
) -> Columns | None:
    """As `queries.change`. None if that has to make or to refuse the change.

    Raises:
        VersionDiffers
    """
    row = None if database.prepared is None else await queries.find_to_change(owner, database, id_)
    if row is None or row["deleted_at"] is not None:
        return None
    written = transitions.changed(row, columns, versions=versions, now=now)
    if not written:
        return row
    if written.get("list_id", row["list_id"]) != row["list_id"]:
        return None  # whoever shares one of the lists has to learn of it
    more = transitions.more_octets(row, written)
    parameters = {"owner_": owner, "id_": id_, "seen": row["version"], "octets_": more, "most": quota.octets}
    rows = await database.change_at_once(owner, _change(frozenset(written)), {**written, **parameters})
    changed: Columns | None = rows[0]._asdict() if rows else None
    return changed


def _typed(statement: str, columns: Iterable[Column[Any]]) -> TextClause:
    return text(statement).bindparams(*(bindparam(column.name, type_=column.type) for column in columns))


_INSERT = (
    f" INSERT INTO todos ({', '.join(column.name for column in _GIVEN)}, sequence)"
    f" SELECT {', '.join(f':{column.name}' for column in _GIVEN)}, counted.sequence FROM counted"
    " RETURNING todos.sequence"
)
# Adds a todo of an owner who may be new.
_CREATE_ANY = _typed(f"WITH counted AS ({owners.ADD.text}){_INSERT}", _GIVEN).columns(todos.c.sequence)


@cache
def _create(is_in_list: bool, has_key: bool) -> TextualSelect:
    """The statement that adds a todo of an owner who has a row already; with a key, only if the key is new.

    Each step reads the one before, so a row that is not there stops them all.
    """
    steps = [f"locked AS (SELECT owners.owner FROM owners WHERE owners.owner = :owner_ AND {_HAS_ROOM} FOR UPDATE)"]
    before = "locked"
    if is_in_list:
        steps.append(
            f"listed AS (SELECT lists.owner FROM lists, {before}"
            " WHERE lists.owner = :owner_ AND lists.id = :list_id AND lists.deleted_at IS NULL FOR SHARE OF lists)"
        )
        before = "listed"
    if has_key:
        names = [column.name for column in idempotency_keys.c]
        steps.append(
            f"claimed AS (INSERT INTO idempotency_keys ({', '.join(names)})"
            f" SELECT {', '.join(f':kept_{name}' for name in names)} FROM {before} ON CONFLICT DO NOTHING RETURNING 1)"
        )
        before = "claimed"
    steps.append(
        f"counted AS (UPDATE owners SET {_COUNTS} FROM {before} WHERE owners.owner = :owner_ RETURNING owners.sequence)"
    )
    kept = [bindparam(f"kept_{column.name}", type_=column.type) for column in idempotency_keys.c] if has_key else []
    statement = _typed(f"WITH {', '.join(steps)}{_INSERT}", _GIVEN).bindparams(_BY, *kept)
    return statement.columns(todos.c.sequence)


@cache
def _change(names: frozenset[str]) -> TextualSelect:
    """The statement that changes these columns, if the todo is at the version `seen`. There are few combinations."""
    columns = [column for column in todos.c if column.name in names]
    shown = [column.name for column in queries.SHOWN]
    statement = (
        f"WITH locked AS (SELECT owners.sequence FROM owners WHERE owners.owner = :owner_"
        f" AND (:octets_ <= 0 OR ({owners.HAS_ROOM})) FOR UPDATE),"
        f" changed AS (UPDATE todos SET {', '.join(f'{each.name} = :{each.name}' for each in columns)},"
        " sequence = locked.sequence + 1 FROM locked"
        " WHERE todos.owner = :owner_ AND todos.id = :id_ AND todos.version = :seen AND todos.deleted_at IS NULL"
        f" RETURNING {', '.join(f'todos.{name}' for name in shown)}),"
        f" counted AS (UPDATE owners SET {owners.ADVANCED}, kept_octets = owners.kept_octets + :octets_ FROM changed"
        " WHERE owners.owner = :owner_)"
        f" SELECT {', '.join(f'changed.{name}' for name in shown)} FROM changed"
    )
    return _typed(statement, columns).bindparams(_BY, bindparam("id_", type_=todos.c.id.type)).columns(*queries.SHOWN)
