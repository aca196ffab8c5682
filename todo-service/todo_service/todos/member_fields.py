"""The JSON of members and invitations: what clients may send, and what they get."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from .list_fields import Name
from .memberships import Role

MAX_TOKEN_LENGTH = 100
_ID = "019c3a5b-7d1e-7a2b-8c3d-4e5f60718293"
_EXAMPLE_TOKEN = "u1oZ0c3wB8W0c2F4cGxlLjE4MDAwMDAwMDAxMjM0NTY3"  # noqa: S105 - an example for the OpenAPI document
_AT = "2027-01-30T08:00:00Z"


class NewInvitation(BaseModel):
    """An invitation to make."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [{"role": "editor", "name": "Alice"}]}
    )

    role: Role
    name: Name = Field(description="how the owner is called towards who is invited")


INVITATION: JsonDict = {"id": _ID, "role": "editor", "created_at": _AT, "expires_at": "2027-02-06T08:00:00Z"}


class Invitation(BaseModel):
    """An invitation that nobody has accepted yet. Its token is not stored, so it cannot be shown again."""

    model_config = ConfigDict(json_schema_extra={"examples": [INVITATION]})

    id: UUID
    role: Role
    created_at: AwareDatetime
    expires_at: AwareDatetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls.model_construct(None, **row)


class MadeInvitation(Invitation):
    """An invitation with its token, which is shown this one time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**INVITATION, "token": _EXAMPLE_TOKEN}]})

    token: str = Field(description="whoever has it may accept the invitation, once")


class Invitations(BaseModel):
    """The open invitations of a list."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [INVITATION]}]})

    items: list[Invitation]


Token = Annotated[str, Field(min_length=1, max_length=MAX_TOKEN_LENGTH, pattern=r"^[A-Za-z0-9_-]+$")]


class HeldInvitation(BaseModel):
    """An invitation that somebody holds. It is in a body, since addresses end up in logs."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [{"token": _EXAMPLE_TOKEN}]}
    )

    token: Token


class Acceptance(BaseModel):
    """The acceptance of an invitation."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"token": _EXAMPLE_TOKEN, "name": "Bob"}]},
    )

    token: Token
    name: Name = Field(description="how the new member is called towards the others")


class ShownInvitation(BaseModel):
    """What an invitation is for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"list_name": "Shopping", "role": "editor", "shared_by": "Alice", "expires_at": "2027-02-06T08:00:00Z"}
            ]
        }
    )

    list_name: str
    role: Role
    shared_by: str = Field(description="how the list's owner calls itself")
    expires_at: AwareDatetime


class MemberChange(BaseModel):
    """A merge patch for a member (RFC 7396)."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [{"role": "viewer"}]}
    )

    role: Role


MEMBER: JsonDict = {"id": _ID, "role": "editor", "name": "Bob", "joined_at": _AT, "is_you": False}


class Member(BaseModel):
    """A member of a list. The list's owner is none of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [MEMBER]})

    id: UUID
    role: Role
    name: str = Field(description="how the member calls itself")
    joined_at: AwareDatetime
    is_you: bool


class Members(BaseModel):
    """All members of a list, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [MEMBER]}]})

    items: list[Member]
