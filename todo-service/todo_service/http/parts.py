"""What an endpoint is given: of the parts that a process assembled at its start, those that it names.

    @dataclass(frozen=True)
    class ListParts(Given):
        cursor_key: bytes

    parts = given(request, ListParts)

A kind's fields have the names and types of `Parts` (assembly.py); a test compares them. Each kind is built once in a
process, so a request pays for one look-up.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from starlette.requests import HTTPConnection


class Given:
    """The base of every kind: a frozen dataclass beside the functions that use it."""


Kind = TypeVar("Kind", bound=Given)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """The base of `Parts`, which stands above this room because it names types of rooms above it."""

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
