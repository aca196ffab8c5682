"""The query parameters of a list (filters, order, page), and the place in a list that a cursor names."""

import uuid
from datetime import datetime
from typing import Annotated, Literal, NamedTuple, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema

from . import cursors, due
from .fields import Status
from .identifiers import parse_id

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_SEARCH_LENGTH = 200

Order = Literal["created", "-created", "updated", "-updated", "due", "-due", "priority", "-priority", "position", "-position"]  # fmt: skip  # noqa: E501 - one list
ORDERS = get_args(Order)
Value = str | int | datetime | uuid.UUID
INBOX = "inbox"


class After(NamedTuple):
    """The last todo of the page before: the value that it is sorted by, and its id."""

    value: Value
    id: uuid.UUID


def _instant(text: str) -> str:
    due.parse(text)
    return text


def _searchable(text: str) -> str:
    if "\0" in text or not text.isprintable():
        raise ValueError("must not contain control characters")
    text.encode()  # a surrogate would raise, as it does in the database; UnicodeEncodeError is a ValueError
    return text


def _list_id(text: str) -> str:
    if text == INBOX:
        return text
    if (parsed := parse_id(text)) is None:
        raise ValueError(f"must be the id of a list, or `{INBOX}`")
    return str(parsed)


def _only_with_date(name: str, info: ValidationInfo) -> str:
    if info.data.get("due_on", name) is None:
        raise ValueError("is used only together with due_on")
    return due.parse_zone(name)


Date = Annotated[
    str,
    AfterValidator(due.parse_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2027-01-31"]}),
]
Zone = Annotated[
    str, AfterValidator(_only_with_date), WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]})
]
Instant = Annotated[
    str,
    AfterValidator(_instant),
    WithJsonSchema({"type": "string", "examples": ["2027-02-01", "2027-01-31T09:00:00Z"]}),
]
ListId = Annotated[
    str,
    AfterValidator(_list_id),
    WithJsonSchema({"type": "string", "examples": ["019c3a5b-0c2f-7d4e-9a1b-2c3d4e5f6071", INBOX]}),
]
Search = Annotated[str, Field(min_length=1, max_length=MAX_SEARCH_LENGTH), AfterValidator(_searchable)]


class ListParameters(BaseModel):
    """The query parameters. Unknown names are refused, since a misspelt filter would silently show too many todos."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="most todos on the page")] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None, Field(max_length=cursors.MAX_LENGTH, description="`next_cursor` of the page before")
    ] = None
    sort: Annotated[
        Order, Field(description="a minus reverses the order; todos with equal values are sorted by id")
    ] = "-created"
    status: Annotated[Status | None, Field(description="only todos with this status")] = None
    priority: Annotated[int | None, Field(ge=0, le=3, description="only todos with this priority")] = None
    list_id: Annotated[ListId | None, Field(description="only todos of this list; `inbox`: those of no list")] = None
    due_before: Annotated[Instant | None, Field(description="only todos that are due before this time")] = None
    due_after: Annotated[Instant | None, Field(description="only todos that are due at this time or later")] = None
    due_on: Annotated[
        Date | None, Field(description="only todos that are due on this day: on this date, or at a time in this day")
    ] = None
    time_zone: Annotated[Zone | None, Field(description="zone in which the day of `due_on` lasts; default UTC")] = None
    q: Annotated[
        Search | None, Field(description="text in title or notes, in any case; `%` and `_` stand for themselves")
    ] = None
    deleted: Annotated[Literal["only"] | None, Field(description="`only`: only deleted todos that can be restored")] = (
        None
    )

    @property
    def column(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")

    @property
    def may_look_far(self) -> bool:
        """Whether many todos may have to be looked at for one that is shown."""
        filters = (
            self.status,
            self.priority,
            self.list_id,
            self.due_before,
            self.due_after,
            self.due_on,
            self.q,
            self.deleted,
        )
        return any(given is not None for given in filters)

    @property
    def describes(self) -> str:
        """The order and filters, as a text that a cursor is bound to."""
        return "list " + self.model_dump_json(exclude={"limit", "cursor"}, exclude_none=True)

    def filters(self) -> dict[str, Value]:
        """The values of all filters but `q` and `deleted`, by the names that the statement has for them."""
        given: dict[str, Value] = self.model_dump(include={"status", "priority"}, exclude_none=True)
        for name in ("due_before", "due_after"):
            if (text := getattr(self, name)) is not None:
                given[name] = due.parse(text).at
        if self.list_id == INBOX:
            given[INBOX] = INBOX
        elif self.list_id is not None:
            given["list_id"] = uuid.UUID(self.list_id)
        if self.due_on is not None:
            day = due.day_in(self.due_on, self.time_zone or "UTC")
            given |= {"due_on": day.date, "due_on_begin": day.begin, "due_on_end": day.end}
            given |= {"due_on_first": min(day.date, day.begin), "due_on_last": max(day.date, day.end)}
        return given


def render_place(column: str, value: Value, id_: uuid.UUID) -> str:
    return f"{id_.hex}{'' if column == 'created' else value.isoformat() if isinstance(value, datetime) else value}"


def parse_place(column: str, place: str) -> After:
    """The reverse of `render_place`, for a place whose signature was verified."""
    id_, text = uuid.UUID(hex=place[:32]), place[32:]
    match column:
        case "created":
            return After("", id_)
        case "priority":
            return After(int(text), id_)
        case "position":
            return After(text, id_)
    return After(datetime.fromisoformat(text), id_)
