"""Errors of the router and of the database, as problems (RFC 9457)."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match, Route

from . import field_errors, problems
from .head_requests import with_head
from .problems import Problem

_log = structlog.get_logger(__name__)


def add_to(app: FastAPI) -> None:
    app.exception_handler(Problem)(_of_problem)
    app.exception_handler(HTTPException)(_of_http)
    app.exception_handler(ClientDisconnect)(_of_half_a_request)
    app.exception_handler(RequestValidationError)(_of_parameters)
    for error in (OperationalError, InterfaceError, PoolTimeout):
        app.exception_handler(error)(_of_database)


async def _of_problem(request: Request, problem: Problem) -> Response:
    return problems.render(request, problem)  # not itself the handler: Starlette would run it in a thread


async def _of_http(request: Request, error: HTTPException) -> Response:
    """404 and 405 of the router, and 400 for an address that no route gets."""
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = with_head(_methods(request))
        problem = Problem(problems.METHOD_NOT_ALLOWED, f"Allowed methods: {allow}.", headers={"Allow": allow})
    elif error.status_code == HTTPStatus.BAD_REQUEST:
        problem = Problem(problems.INVALID_PARAMETER, error.detail)
    else:
        problem = Problem(problems.NOT_FOUND, "There is no such resource.")
    return problems.render(request, problem)


async def _of_half_a_request(request: Request, error: ClientDisconnect) -> Response:
    """The client has disconnected and will not read this 400. It keeps disconnects out of our 5xx logs and metrics."""
    return Response(status_code=400)


def _methods(request: Request) -> set[str]:
    """All methods of the path (RFC 9110 §15.5.6). The router's error only names those of the first matching route."""
    routes_ = (context.route for context in iter_route_contexts(request.app.routes))
    fitting = (route for route in routes_ if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE)
    return {method for route in fitting for method in route.methods or ()}


async def _of_parameters(request: Request, error: RequestValidationError) -> Response:
    errors = list(field_errors.of_parameters(error.errors()))
    return problems.render(request, Problem(problems.INVALID_PARAMETER, "See errors.", errors=errors))


async def _of_database(request: Request, error: Exception) -> Response:
    _log.warning("the database does not answer", error=type(error).__name__)
    problem = Problem(problems.DATABASE_UNAVAILABLE, "The database does not answer.", headers={"Retry-After": "1"})
    return problems.render(request, problem)
