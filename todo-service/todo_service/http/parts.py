"""`given`: an endpoint gets those parts of the process that it names. They are assembled at the start.

    @dataclass(frozen=True)
    class ListParts(Given):
        cursor_key: bytes

    parts = given(request, ListParts)

The fields of a `Given` have the names and types of `Parts` (assembly.py); a test compares them. Each kind is built once
per process, so a request pays for one look-up.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from starlette.requests import HTTPConnection


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
