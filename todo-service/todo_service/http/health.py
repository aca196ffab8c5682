"""Probes: /livez says that the process is alive, /readyz that it can serve requests. The gateway routes neither."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from atjwt import Verifier

from ..store.database import Database
from .parts import Given, given

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: Literal["ok", "no key set", "no status lists", "no database", "schema not at head"]


@dataclass(frozen=True)
class ReadinessParts(Given):
    verifier: Verifier
    requires_status: bool
    database: Database
    needed_revision: str


@router.get("/livez", operation_id="getLiveness")
async def livez(response: Response) -> Health:
    """Liveness: the process answers."""
    response.headers["Cache-Control"] = "no-store"
    return Health(status="ok")


@router.get("/readyz", operation_id="getReadiness", responses={503: {"model": Health}})
async def readyz(request: Request, response: Response) -> Health:
    """Readiness: there are keys and, if required, status lists; the database answers, at head or a newer revision.

    Migrations only add to the schema, so this version can serve on a newer schema until its successor takes over.
    """
    response.headers["Cache-Control"] = "no-store"
    parts, health = given(request, ReadinessParts), Health(status="ok")
    try:
        if parts.requires_status and not parts.verifier.is_ready:
            health = Health(status="no status lists")
        revision = await parts.database.revision()
        if revision is None or revision < parts.needed_revision:
            health = Health(status="schema not at head")
        if not parts.verifier.has_keys:
            health = Health(status="no key set")
    except (SQLAlchemyError, OSError):
        health = Health(status="no database")
    if health.status != "ok":
        response.status_code = 503
    return health
