"""A list's version: stored in its row, and raised in the transaction that sets a bit.

The row is changed as the last thing of the transaction, and several rows in the order of their ids. So its lock is held
only for the commit, and two transactions that set bits in the same lists cannot deadlock.
"""

from collections.abc import Iterable

from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from .lists import StatusList

_CHANGED = "changed status lists"


def raise_at_commit(session: AsyncSession, list_ids: Iterable[int]) -> None:
    """Raise the versions of these lists by 1 when the transaction is committed."""
    session.info.setdefault(_CHANGED, set()).update(list_ids)


@event.listens_for(Session, "before_commit")
def _raise(session: Session) -> None:
    changed: set[int] = session.info.pop(_CHANGED, set())
    if changed:
        session.flush()  # first take the locks of all other rows
    for list_id in sorted(changed):
        raised = update(StatusList).where(StatusList.id == list_id).values(version=StatusList.version + 1)
        session.execute(raised, execution_options={"synchronize_session": False})
