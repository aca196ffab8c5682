"""How an endpoint gets parts of the process (assembly.py): it declares the ones it needs, and gets only these.

    @dataclass(frozen=True)
    class ListParts(Given):
        cursor_key: bytes

    parts = given(request, ListParts)

A kind's fields have the names and types of `Parts`; a test compares them. Each kind is built once per process, so a
request costs one look-up.
"""

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from starlette.requests import HTTPConnection


class Given:
    """The base class of every kind. A kind is a frozen dataclass beside the functions that use it."""


Kind = TypeVar("Kind", bound=Given)


@dataclass(frozen=True, kw_only=True)
class Supply:
    """The base class of `Parts`. `Parts` itself is in assembly.py, because its types come from rooms above this one."""

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
