"""`given`: an endpoint or a grant gets those parts of the process that it names. They are assembled at the start.

    @dataclass(frozen=True)
    class RevokeParts(Given):
        database: Database

    parts = given(request, RevokeParts)

The fields of a `Given` have the names and types of `Parts` (assembly.py); a test compares them. Each kind is built once
per process, so a request pays for one look-up.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from starlette.applications import Starlette
from starlette.requests import HTTPConnection

from ..store.instants import Clock


class Given:
    """The base of every kind of parts. A kind is a frozen dataclass beside the functions that use it."""


Kind = TypeVar("Kind", bound=Given)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """The base of `Parts`. `Parts` is in assembly.py, because it names types of rooms above this one."""

    _built: dict[type[Given], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def give(self, kind: type[Kind]) -> Kind:
        built: Kind | None = self._built.get(kind)
        if built is None:
            names = [each.name for each in fields(kind)]  # type: ignore[arg-type]  # every kind is a dataclass
            built = self._built[kind] = kind(**{name: getattr(self, name) for name in names})
        return built


def given(request: HTTPConnection, kind: type[Kind]) -> Kind:
    supply: Supply = request.scope["app"].state.parts
    return supply.give(kind)


def given_by(app: Starlette, kind: type[Kind]) -> Kind:
    """The same, for code that has an application but no request."""
    supply: Supply = app.state.parts
    return supply.give(kind)


@dataclass(frozen=True)
class TimeParts(Given):
    clock: Clock


async def get_now(request: Request) -> datetime:
    """The time of the request. It is `async` because FastAPI runs plain functions in a thread, which costs too much."""
    return given(request, TimeParts).clock()


Now = Annotated[datetime, Depends(get_now)]
