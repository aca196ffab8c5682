"""Where the protocol lives. Each router carries the whole prefix, so that logs show the whole route."""

from fastapi import APIRouter

PREFIX = "/api/auth"


def new_router() -> APIRouter:
    return APIRouter(prefix=PREFIX)
