"""/api/v1/lists/{list_id}/members and /invitations, and /api/v1/invitations for those who hold one.

A list's owner invites, changes roles and removes; a member sees the members and may leave. For anybody else the list is
404, as everywhere.
"""

import uuid
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi import Path as PathParameter
from pydantic_core import to_json
from sqlalchemy import RowMapping

from ..http import request_body
from ..http.authentication import Reader, Writer
from . import invitations, list_queries, memberships
from .endpoints import DatabaseDep, Now
from .identifiers import new_id, parse_id
from .list_endpoints import ListId, for_owner, tagged
from .list_fields import TodoList, shared
from .member_fields import (
    Acceptance,
    HeldInvitation,
    MemberChange,
    NewInvitation,
)
from .refusals import as_problems, invitation_not_found, member_not_found

ME = "me"


async def _get_member_id(
    member_id: Annotated[str, PathParameter(description="id of the membership; `me` is the caller's own")],
) -> uuid.UUID | None:
    if member_id == ME:
        return None
    if (parsed := parse_id(member_id)) is None:
        raise member_not_found()
    return parsed


async def _get_invitation_id(
    invitation_id: Annotated[
        str, PathParameter(description="id of the invitation", json_schema_extra={"format": "uuid"})
    ],
) -> uuid.UUID:
    if (parsed := parse_id(invitation_id)) is None:
        raise invitation_not_found()
    return parsed


MemberId = Annotated[uuid.UUID | None, Depends(_get_member_id)]
InvitationId = Annotated[uuid.UUID, Depends(_get_invitation_id)]


async def list_members(token: Reader, id_: ListId, database: DatabaseDep) -> Response:
    """List the members of a list, for its owner and for each of them."""
    with as_problems():
        place = await memberships.find_in_list(database, token.sub, id_)
        owner, seen = (token.sub, database) if place is None else (place.owner, database.for_member(token.sub))
        async with seen.reading(owner) as connection:
            if place is None:
                await invitations.require_list(owner, connection, id_)
            rows = await memberships.find_members(owner, connection, id_, seen_by=token.sub)
    return _json({"items": [_shown(row, token.sub) for row in rows]})


async def change_member(
    token: Writer, request: Request, id_: ListId, member_id: MemberId, database: DatabaseDep, now: Now
) -> Response:
    """Change the role of a member. Only the list's owner may."""
    patch = await request_body.parse(request, MemberChange, (request_body.MERGE_PATCH, request_body.JSON))
    with as_problems():
        async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
            await invitations.require_list(token.sub, connection, id_)
            if member_id is None:
                raise memberships.MemberNotFound  # the owner is no member
            await memberships.set_role(token.sub, connection, id_, member_id, patch.role, now=now)
            rows = await memberships.find_members(token.sub, connection, id_, seen_by=token.sub)
    [row] = (row for row in rows if row["id"] == member_id)
    return _json(_shown(row, token.sub))


async def remove_member(token: Writer, id_: ListId, member_id: MemberId, database: DatabaseDep, now: Now) -> None:
    """Remove a member, as the list's owner; or leave the list, as a member: with the own id or `me`."""
    with as_problems():
        place = await memberships.find_in_list(database, token.sub, id_)
        if place is None:
            async with database.writing(token.sub) as connection:
                await invitations.require_list(token.sub, connection, id_)
                if member_id is None:
                    raise memberships.MemberNotFound
                await memberships.remove(token.sub, connection, id_, member_id, now=now)
        elif member_id in (None, place.id):
            await memberships.leave(database, token.sub, place, now=now)
        else:
            raise memberships.InsufficientRole


async def list_invitations(token: Reader, id_: ListId, database: DatabaseDep, now: Now) -> Response:
    """List the open invitations of a list, without their tokens. Only the list's owner may."""
    with as_problems():
        async with for_owner(database, token.sub, id_), database.reading(token.sub) as connection:
            await invitations.require_list(token.sub, connection, id_)
            rows = await invitations.find_open(token.sub, connection, id_, now=now)
    return _json({"items": [dict(row) for row in rows]})


async def create_invitation(token: Writer, request: Request, id_: ListId, database: DatabaseDep, now: Now) -> Response:
    """Invite somebody to a list. Send the token to one person: who holds it may accept, once, within a week.

    Only the list's owner may.
    """
    asked = await request_body.parse(request, NewInvitation, (request_body.JSON,))
    invitation_id = new_id(now.timestamp())
    with as_problems():
        async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
            row, text = await invitations.create(
                token.sub, connection, id_, id_=invitation_id, role=asked.role, name=asked.name, now=now
            )
    location = f"{quote(request.scope['path'])}/{invitation_id}"
    return Response(to_json({**row, "token": text}), 201, {"Location": location}, media_type="application/json")


async def withdraw_invitation(token: Writer, id_: ListId, invitation_id: InvitationId, database: DatabaseDep) -> None:
    """Withdraw an invitation. Who has accepted it stays a member."""
    with as_problems():
        async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
            await invitations.require_list(token.sub, connection, id_)
            await invitations.withdraw(token.sub, connection, id_, invitation_id)


async def show_invitation(token: Writer, request: Request, database: DatabaseDep, now: Now) -> Response:
    """Show what an invitation is for. This does not accept it."""
    held = await request_body.parse(request, HeldInvitation, (request_body.JSON,))
    with as_problems():
        row = await invitations.find(database, token.sub, held.token, now=now)
        name = await invitations.find_name(database, token.sub, row)
    shown = {each: row[each] for each in ("role", "shared_by", "expires_at")}
    return _json({"list_name": name, **shown})


async def accept_invitation(token: Writer, request: Request, database: DatabaseDep, now: Now) -> Response:
    """Accept an invitation: the list is then shared with the caller. The same caller may repeat the request."""
    asked = await request_body.parse(request, Acceptance, (request_body.JSON,))
    id_ = new_id(now.timestamp())
    with as_problems():
        place = await invitations.accept(database, token.sub, asked.token, id_=id_, name=asked.name, now=now)
        async with database.for_member(token.sub).reading(place.owner) as connection:
            row = await list_queries.find(place.owner, connection, place.list_id)
    if row is None:
        raise invitation_not_found()
    found = TodoList.of(shared(row, place))
    return tagged(found)


def _shown(row: RowMapping, subject: str) -> dict[str, Any]:
    """A member without its `sub`."""
    shown = dict(row)
    is_you = shown.pop("member") == subject
    return {**shown, "is_you": is_you}


def _json(value: Any) -> Response:
    return Response(to_json(value), media_type="application/json")
