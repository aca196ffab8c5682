"""Fills the folded text and the counted octets of todos that the version before 0004 wrote while both versions served.

Only the owner's own rows are seen and changed, in small transactions. Otherwise there is nothing to fill, and one look
into an empty index costs little.
"""

from sqlalchemy import bindparam, select

from ..store.database import Database
from . import rooms
from .folding import fold
from .table import UNFOLDED, todos

BATCH = 50
_FIND = (
    select(todos.c.id, todos.c.title, todos.c.notes, todos.c.version)
    .where(todos.c.owner == bindparam("owner_"), UNFOLDED)
    .limit(BATCH)
)
_FILL = (
    todos.update()
    .where(
        todos.c.owner == bindparam("owner_"), todos.c.id == bindparam("id_"), todos.c.version == bindparam("version_")
    )
    .values(octets=bindparam("octets_"), folded=bindparam("folded_"), folded_version=bindparam("version_"))
)


async def fill(owner: str, database: Database) -> None:
    """Fill what is missing of an owner."""
    while True:
        async with database.scanning(owner) as connection:
            rows = (await connection.execute(_FIND, {"owner_": owner})).mappings().all()
        if not rows:
            return
        filled = [
            {
                "owner_": owner,
                "id_": row["id"],
                "version_": row["version"],
                "octets_": rooms.of_todo(row["title"], row["notes"]),
                "folded_": fold(f"{row['title']}\n{row['notes']}"),
            }
            for row in rows
        ]
        async with database.writing(owner) as connection:
            await connection.execute(_FILL, filled)
