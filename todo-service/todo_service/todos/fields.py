"""What a todo looks like on the wire, and what a client may send."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from sqlalchemy import Row

MAX_TITLE_LENGTH = 500
MAX_NOTES_LENGTH = 10_000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_LAYOUT = "\t\n\r"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"  # NUL among them, which PostgreSQL cannot store


def _title(text: str) -> str:
    title = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(title) <= MAX_TITLE_LENGTH:
        raise ValueError(f"must have 1 to {MAX_TITLE_LENGTH} characters after trimming")
    if any(map(_is_control, title)):
        raise ValueError("must not contain control characters")
    return title


def _notes(text: str) -> str:
    if len(text) > MAX_NOTES_LENGTH:
        raise ValueError(f"must have at most {MAX_NOTES_LENGTH} characters")
    if any(_is_control(character) for character in text if character not in _LAYOUT):
        raise ValueError("must not contain control characters other than tab and line breaks")
    return text


def _instant(value: object) -> datetime:
    """Read an RFC 3339 date and time; pydantic alone would also take numbers, dates and several other spellings."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("must be a date and time with time zone, as in RFC 3339")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time that exists") from None


def _without_default(schema: dict[str, Any]) -> None:
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
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-31T09:00:00+01:00"]}),
]


class NewTodo(BaseModel):
    """What makes a todo."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Title
    notes: Notes = ""
    status: Status = "open"
    priority: Priority = 0
    due_at: Instant | None = None


class TodoChange(BaseModel):
    """What changes a todo: a merge patch (RFC 7396). Null resets what has a default; title and status have none.

    The defaults below are never read: what the client did not send is not changed.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Title = Field("", json_schema_extra=_without_default)
    notes: Notes | None = Field(None, json_schema_extra=_without_default)
    status: Status = Field("open", json_schema_extra=_without_default)
    priority: Priority | None = Field(None, json_schema_extra=_without_default)
    due_at: Instant | None = Field(None, json_schema_extra=_without_default)

    def columns(self) -> dict[str, Any]:
        """The columns to set: what was sent, with null turned into the default."""
        defaults = {"notes": "", "priority": 0}
        sent = self.model_dump(exclude_unset=True)
        return {name: defaults.get(name) if value is None else value for name, value in sent.items()}


class Todo(BaseModel):
    """A todo as it is stored. Times are UTC."""

    id: UUID
    title: str
    notes: str
    status: Status
    completed_at: AwareDatetime | None = Field(description="when it was done; null while it is open")
    priority: int = Field(ge=0, le=3, description="0 none, 1 low, 2 medium, 3 high")
    due_at: AwareDatetime | None
    version: int = Field(ge=1, description="counts changes; the ETag is made of it")
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        return cls.model_construct(**row._mapping)  # our own row: checked when it was written

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


class TodoPage(BaseModel):
    """A part of a list."""

    items: list[Todo]
    next_cursor: str | None = Field(description="ask for the next part with it; null at the end")
