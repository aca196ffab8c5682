"""Liveness and readiness, on the service's own port; the gateway routes neither."""

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from ..http.parts import Parts, PartsDep
from ..migrations import serves

router = APIRouter()


class Health(BaseModel):
    status: str


@router.get("/livez")
async def livez() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
async def readyz(response: Response, parts: PartsDep) -> Health:
    """The store answers with the schema that this version needs. The keys were loaded before the port was opened."""
    status = await _database_status(parts)
    if status != "ok":
        response.status_code = 503
    return Health(status=status)


async def _database_status(parts: Parts) -> str:
    try:
        revision = await parts.database.revision()
    except (SQLAlchemyError, OSError):
        return "the database does not answer"
    return "ok" if serves(revision) else "the database schema is not this version's"
