"""Shared lists: a list with one todo, and persons who stand to it in each way there is."""

import uuid
from dataclasses import dataclass
from typing import Any

import httpx2

from todo_fixtures.service import Service

LISTS, TODOS, INVITATIONS = "/api/v1/lists", "/api/v1/todos", "/api/v1/invitations"
TITLE = "Oat milk of ours"


@dataclass(frozen=True)
class Shared:
    """`subs` by role: owner, editor, viewer, former (a member that was removed) and stranger."""

    service: Service
    subs: dict[str, str]
    list_id: str
    todo_id: str
    member_id: str  # of the viewer
    invitation_id: str  # an open one

    def client(self, role: str, **claims: Any) -> httpx2.Client:
        return self.service.person(self.subs[role], **claims)


def invite(owner: httpx2.Client, list_id: str, role: str = "editor", name: str = "Alice") -> dict[str, Any]:
    answer = owner.post(f"{LISTS}/{list_id}/invitations", json={"role": role, "name": name})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def accept(client: httpx2.Client, token: str, name: str = "Bob") -> httpx2.Response:
    return client.post(f"{INVITATIONS}/accept", json={"token": token, "name": name})


def join(owner: httpx2.Client, member: httpx2.Client, list_id: str, role: str = "editor", name: str = "Bob") -> str:
    """Make somebody a member, and return the id of the membership."""
    assert accept(member, invite(owner, list_id, role)["token"], name).status_code == 200
    [found] = [each for each in member.get(f"{LISTS}/{list_id}/members").json()["items"] if each["is_you"]]
    id_: str = found["id"]
    return id_


def make(service: Service) -> Shared:
    subs = {role: f"{role}-{uuid.uuid4().hex}" for role in ("owner", "editor", "viewer", "former", "stranger")}
    owner = service.person(subs["owner"])
    list_id = owner.post(LISTS, json={"name": "Ours"}).json()["id"]
    todo_id = owner.post(TODOS, json={"title": TITLE, "list_id": list_id}).json()["id"]
    join(owner, service.person(subs["editor"]), list_id, name="Eve")
    member_id = join(owner, service.person(subs["viewer"]), list_id, "viewer", "Victor")
    former = join(owner, service.person(subs["former"]), list_id, name="Frank")
    assert owner.delete(f"{LISTS}/{list_id}/members/{former}").status_code == 204
    return Shared(service, subs, list_id, todo_id, member_id, invite(owner, list_id)["id"])
