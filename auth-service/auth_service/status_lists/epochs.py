"""Epochs of the status lists: a restored backup begins a new one, so that no URI of a list is ever used twice.

A backup has forgotten what was revoked after it, and which indexes were drawn. The URI of a list contains its epoch, so
a verifier tells the lists of before a restore from those of after it, and refuses the tokens of an older epoch.
Lists made before there were epochs have epoch 0 and only their number as a name.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from .lists import NEXT, OPEN, VOID, StatusList

_NAME = re.compile(r"(?:([1-9][0-9]{0,14})-)?([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class ListName:
    """What identifies a list: the last segment of its URI."""

    epoch: int
    id: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.id}" if self.epoch else str(self.id)


def parse_name(text: str) -> ListName | None:
    """The list that the last segment of a URI names, or None."""
    found = _NAME.fullmatch(text)
    return None if found is None else ListName(int(found[1] or 0), int(found[2]))


async def begin(session: AsyncSession, *, now: datetime) -> int:
    """Begin a new epoch after a restore: all lists become void, and a new open one and a next one are made.

    Returns the epoch: Unix time, or the stored one plus 1 if that is more. So two restores of one backup differ.
    """
    stored, newest = (await session.execute(select(func.max(StatusList.epoch), func.max(StatusList.id)))).one()
    epoch = max((stored or 0) + 1, int(now.timestamp()))
    void = update(StatusList).where(StatusList.state != VOID)
    await session.execute(void.values(state=VOID, closed_at=now).execution_options(synchronize_session=False))
    first = (newest or 0) + 1
    session.add(StatusList(id=first, epoch=epoch, state=OPEN, created_at=now, opened_at=now))
    session.add(StatusList(id=first + 1, epoch=epoch, state=NEXT, created_at=now))
    return epoch
