"""Liveness and readiness, on the service's own port; the gateway routes neither."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from ..http.parts import Given, given
from ..migrations import serves
from ..store.database import Database

router = APIRouter()


@dataclass(frozen=True)
class HealthParts(Given):
    database: Database


class Health(BaseModel):
    status: str


@router.get("/livez")
async def livez() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health}})
async def readyz(request: Request, response: Response) -> Health:
    """Whether the database answers and has a schema that fits. The keys were loaded before the port was opened."""
    status = await _database_status(given(request, HealthParts).database)
    if status != "ok":
        response.status_code = 503
    return Health(status=status)


async def _database_status(database: Database) -> str:
    try:
        revision = await database.revision()
    except (SQLAlchemyError, OSError):
        return "the database does not answer"
    return "ok" if serves(revision) else "the database schema does not fit this version"
