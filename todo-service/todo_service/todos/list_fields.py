"""The JSON of a list: what clients may send, and what they get."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from sqlalchemy import RowMapping

from .fields import DeletedAt, Position, Stored, Version, one_line, without_default
from .memberships import Membership

MAX_NAME_LENGTH = 100
Color = Literal["gray", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"]
DEFAULT_COLOR: Color = "gray"


def _name(text: str) -> str:
    return one_line(text, max_length=MAX_NAME_LENGTH)


Name = Annotated[
    str,
    AfterValidator(_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH, "examples": ["Shopping"]}),
]


Role = Literal["owner", "editor", "viewer"]
OWN: Mapping[str, Any] = MappingProxyType({"role": "owner", "shared_by": None})


class NewTodoList(BaseModel):
    """A list to create."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"name": "Shopping", "color": "green"}]},
    )

    name: Name
    color: Color = DEFAULT_COLOR
    position: Position | None = Field(None, description="null places the list after all existing ones")

    def columns(self) -> dict[str, Any]:
        return self.model_dump()


class TodoListChange(BaseModel):
    """A merge patch for a list (RFC 7396). Null resets `color`; other members must not be null.

    The defaults below are never used: a member that the client did not send is not changed.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [{"name": "Groceries"}]}
    )

    name: Name = Field("", json_schema_extra=without_default)
    color: Color | None = Field(None, json_schema_extra=without_default)
    position: Position = Field("", json_schema_extra=without_default)

    def columns(self) -> dict[str, Any]:
        """The columns to set: the sent members, with null replaced by the default."""
        sent = self.model_dump(exclude_unset=True)
        return {name: DEFAULT_COLOR if value is None else value for name, value in sent.items()}


EXAMPLE: JsonDict = {
    "id": "019c3a5b-0c2f-7d4e-9a1b-2c3d4e5f6071",
    "name": "Shopping",
    "color": "green",
    "position": "019c3a5b0c2f7d4eV",
    "role": "owner",
    "shared_by": None,
    "members": 2,
    "version": 1,
    "created_at": "2027-01-30T08:00:00Z",
    "updated_at": "2027-01-30T08:00:00Z",
    "deleted_at": None,
}


class TodoList(Stored):
    """A list of todos. The inbox is none of them: it is where todos with `list_id` null are."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    name: str
    color: Color
    position: str = Field(description="place in the owner's own order; compare the bytes")
    role: Role = Field(description="what the caller may do with it")
    shared_by: str | None = Field(description="the name of its owner, if that is not the caller")
    members: int = Field(ge=0, description="how many others it is shared with, besides its owner")
    version: Version
    created_at: AwareDatetime
    updated_at: AwareDatetime
    deleted_at: DeletedAt

    @classmethod
    def of(cls, row: Mapping[str, Any] | RowMapping) -> Self:
        """Of a row of the caller's own list, or of what `shared` returned."""
        return super().of({**OWN, **row})


def shared(row: Mapping[str, Any] | RowMapping, of: Membership) -> dict[str, Any]:
    """The members of a list that is shared with the caller."""
    return {**row, "role": of.role, "shared_by": of.shared_by}


class TodoLists(BaseModel):
    """All own lists, in the owner's order, and after them those that others share."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

    items: list[TodoList]
