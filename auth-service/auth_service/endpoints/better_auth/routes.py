"""Where the protocol lives. Each router carries the whole prefix, so that logs show the whole route."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

PREFIX = "/api/auth"


def new_router(route_class: type[APIRoute] = APIRoute) -> APIRouter:
    return APIRouter(prefix=PREFIX, route_class=route_class)
