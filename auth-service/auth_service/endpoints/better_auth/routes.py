"""The path prefix of the protocol. Each router carries it, so that logs show the whole route."""

from fastapi import APIRouter
from fastapi.routing import APIRoute

PREFIX = "/api/auth"


def new_router(route_class: type[APIRoute] = APIRoute) -> APIRouter:
    return APIRouter(prefix=PREFIX, route_class=route_class)
