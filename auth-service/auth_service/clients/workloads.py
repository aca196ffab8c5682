"""Whose platform token proves which client: one issuer, subject and audience for one client."""

import hashlib
import json

from sqlalchemy import ForeignKey, String, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.client_metadata import ClientMetadata
from ..oauth.errors import InvalidClientMetadata
from ..store.rows import Row, insert_into
from . import origins


class ClientWorkload(Row):
    __tablename__ = "client_workloads"

    workload_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)


async def replace_derived(session: AsyncSession, client_id: str, registration: ClientMetadata) -> None:
    """Replace the rows that a registration leads to: the origins of its pages, and its workload.

    Raises:
        InvalidClientMetadata: another client has this workload.
    """
    await origins.replace(session, client_id, registration.redirect_uris)
    await session.execute(delete(ClientWorkload).where(ClientWorkload.client_id == client_id))
    if registration.workload is None:
        return
    members = json.dumps(registration.workload.members(), sort_keys=True)
    row = insert_into(session, ClientWorkload).values(
        workload_hash=hashlib.sha256(members.encode()).hexdigest(), client_id=client_id
    )
    made = await session.execute(row.on_conflict_do_nothing().returning(ClientWorkload.client_id))
    if made.scalar_one_or_none() is None:
        raise InvalidClientMetadata("workload: another client has this issuer, subject and audience.")
