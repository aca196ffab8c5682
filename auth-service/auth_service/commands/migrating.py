"""`migrate`: upgrades the schema, and records it in the audit trail."""

import asyncio

from ..audit.trail import record
from ..migrations import HEAD
from ..migrations import migrate as upgrade
from ..settings.settings import load_settings
from ..store.database import open_database
from ..store.instants import utc_now
from .opened import opened


def migrate() -> str:
    """Upgrade the schema and return its revision. Nothing is recorded if it was there already."""
    settings = load_settings()
    url = settings.database_url.get_secret_value()
    before = asyncio.run(_find_revision(url))
    upgrade(url, issuer=settings.issuer)
    if before != HEAD:
        asyncio.run(_record(before))
    return HEAD


async def _find_revision(url: str) -> str | None:
    database = open_database(url)
    try:
        return await database.revision()
    finally:
        await database.close()


async def _record(before: str | None) -> None:
    async with opened() as database, database.writing() as session:
        await record(session, "schema_migrated", now=utc_now(), before=before, after=HEAD)
