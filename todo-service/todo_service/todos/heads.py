"""The numbers of the last changes of several owners: `/changes` and streams compare them with what a client has."""

import hashlib
import json
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_HEADS = {
    "postgresql": text("SELECT owner, sequence FROM owners WHERE owners.owner = ANY(:owners)"),
    "sqlite": text("SELECT owner, sequence FROM owners WHERE owners.owner IN (SELECT value FROM json_each(:owners))"),
}


async def find_heads(connection: AsyncConnection, owners: Sequence[str]) -> dict[str, int]:
    """The number of the last change of each of these owners, except those who never had a todo."""
    is_postgres = connection.dialect.name == "postgresql"
    values = {"owners": list(owners) if is_postgres else json.dumps(owners)}
    rows = (await connection.execute(_HEADS[connection.dialect.name], values)).all()
    return {row.owner: row.sequence for row in rows}


def position(subject: str, heads: Mapping[str, int]) -> str:
    """The number of the subject's last change, and a hash of the numbers of others whose lists it shares."""
    others = sorted((owner, head) for owner, head in heads.items() if owner != subject)
    own = str(heads.get(subject, 0))
    return f"{own}-{hashlib.sha256(repr(others).encode()).hexdigest()[:16]}" if others else own
