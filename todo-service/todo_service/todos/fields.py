"""The JSON of a todo: what clients may send, and what they get."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict
from sqlalchemy import RowMapping

from . import due, texts
from .identifiers import parse_id

MAX_TITLE_LENGTH = 500
MAX_NOTES_LENGTH = 10_000
MAX_POSITION_LENGTH = 128
# A position must not end in 0: nothing sorts between "a" and "a0".
_POSITION = re.compile(r"[0-9A-Za-z]{0,127}[1-9A-Za-z]", re.ASCII)
_LAYOUT = "\t\n\r"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"  # includes NUL, which PostgreSQL cannot store


def one_line(text: str, *, max_length: int) -> str:
    """A title or a name: normalized, without control characters, visible. Raises ValueError."""
    line = texts.normalized(text, max_length=max_length)
    if any(map(_is_control, line)):
        raise ValueError("must not contain control characters")
    if not texts.is_visible(line):
        raise ValueError(f"must have 1 to {max_length} characters, at least one of them visible")
    return line


def _title(text: str) -> str:
    return one_line(text, max_length=MAX_TITLE_LENGTH)


def _notes(text: str) -> str:
    if len(text) > MAX_NOTES_LENGTH:
        raise ValueError(f"must have at most {MAX_NOTES_LENGTH} characters")
    if any(_is_control(character) for character in text if character not in _LAYOUT):
        raise ValueError("must not contain control characters other than tab and line breaks")
    return text


def _position(text: str) -> str:
    if not _POSITION.fullmatch(text):
        raise ValueError(f"must be 1 to {MAX_POSITION_LENGTH} ASCII letters and digits, and must not end in 0")
    return text


def _due(text: str) -> str:
    return due.parse(text).text


def _list_id(text: str) -> str:
    parsed = parse_id(text)
    if parsed is None:
        raise ValueError("must be the id of a list, or null for the inbox")
    return str(parsed)


def without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


Title = Annotated[
    str,
    AfterValidator(_title),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_TITLE_LENGTH, "examples": ["Buy milk"]}),
]
Notes = Annotated[
    str, AfterValidator(_notes), WithJsonSchema({"type": "string", "maxLength": MAX_NOTES_LENGTH, "examples": ["2 l"]})
]
Status = Literal["open", "done"]
Priority = Annotated[int, Field(ge=0, le=3)]
Due = Annotated[
    str,
    AfterValidator(_due),
    WithJsonSchema({"type": "string", "maxLength": 120, "examples": ["2027-01-31T09:00:00+01:00[Europe/Berlin]"]}),
]
Position = Annotated[
    str,
    AfterValidator(_position),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Za-z]{0,127}[1-9A-Za-z]$", "examples": ["019c3a5b7d1e7a2bV"]}),
]

ListId = Annotated[
    str,
    AfterValidator(_list_id),
    WithJsonSchema({"type": "string", "format": "uuid", "examples": ["019c3a5b-0c2f-7d4e-9a1b-2c3d4e5f6071"]}),
]


Version = Annotated[int, Field(ge=1, description="increases with each change; the ETag is made from it")]
DeletedAt = Annotated[AwareDatetime | None, Field(description="when it was deleted; null if it is not deleted")]


class Stored(BaseModel):
    """What a todo and a list have in common: they are made from rows, and have versions."""

    if TYPE_CHECKING:  # each says itself where it stands in its JSON
        version: int

    @classmethod
    def of(cls, row: Mapping[str, Any] | RowMapping) -> Self:
        return cls.model_construct(None, **row)  # the row was validated when it was written

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class NewTodo(BaseModel):
    """A todo to create."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"title": "Buy milk", "notes": "2 l", "due": "2027-01-31", "priority": 2}]},
    )

    title: Title
    notes: Notes = ""
    status: Status = "open"
    priority: Priority = 0
    due: Due | None = None
    position: Position | None = Field(None, description="null places the todo after all existing ones")
    list_id: ListId | None = Field(None, description="id of the list that it is in; null: the inbox")

    def columns(self) -> dict[str, Any]:
        return _stored(self.model_dump())


class TodoChange(BaseModel):
    """A merge patch for a todo (RFC 7396). Null resets `notes`, `priority`, `due` and `list_id`; no other may be null.

    The defaults below are never used: a member that the client did not send is not changed.
    """

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"title": "Buy oat milk", "due": None}]},
    )

    title: Title = Field("", json_schema_extra=without_default)
    notes: Notes | None = Field(None, json_schema_extra=without_default)
    status: Status = Field("open", json_schema_extra=without_default)
    priority: Priority | None = Field(None, json_schema_extra=without_default)
    due: Due | None = Field(None, json_schema_extra=without_default)
    position: Position = Field("", json_schema_extra=without_default)
    list_id: ListId | None = Field(None, json_schema_extra=without_default)

    def columns(self) -> dict[str, Any]:
        """The columns to set: the sent members, with null replaced by the default."""
        defaults = {"notes": "", "priority": 0}
        sent = self.model_dump(exclude_unset=True)
        return _stored({name: defaults.get(name) if value is None else value for name, value in sent.items()})


def _stored(columns: dict[str, Any]) -> dict[str, Any]:
    """Add `due_at`, the instant by which due dates are sorted, and make the list's id one."""
    if columns.get("list_id") is not None:
        columns["list_id"] = UUID(columns["list_id"])
    if "due" in columns:
        columns["due_at"] = due.NEVER if columns["due"] is None else due.parse(columns["due"]).at
    return columns


EXAMPLE: JsonDict = {
    "id": "019c3a5b-7d1e-7a2b-8c3d-4e5f60718293",
    "title": "Buy milk",
    "notes": "2 l",
    "status": "open",
    "completed_at": None,
    "priority": 2,
    "due": "2027-01-31",
    "position": "019c3a5b7d1e7a2bV",
    "list_id": "019c3a5b-0c2f-7d4e-9a1b-2c3d4e5f6071",
    "version": 1,
    "created_at": "2027-01-30T08:00:00Z",
    "updated_at": "2027-01-30T08:00:00Z",
    "deleted_at": None,
}


class Todo(Stored):
    """A todo as it is stored. Times are UTC."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    title: str
    notes: str
    status: Status
    completed_at: AwareDatetime | None = Field(description="when it was completed; null while it is open")
    priority: int = Field(ge=0, le=3, description="0 none, 1 low, 2 medium, 3 high")
    due: str | None = Field(description="a date, or a date and time with its offset or zone (RFC 9557)")
    position: str = Field(description="place in the owner's own order; compare the bytes")
    list_id: UUID | None = Field(description="id of the list that it is in; null: the inbox")
    version: Version
    created_at: AwareDatetime
    updated_at: AwareDatetime
    deleted_at: DeletedAt


class TodoPage(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[Todo]
    next_cursor: str | None = Field(description="cursor for the next page; null on the last page")
