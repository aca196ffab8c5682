"""Lists that are shared: who may do what, and what everybody learns of changes. test_invitations.py has invitations."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from todo_fixtures import sharing
from todo_fixtures.service import Service, wait_until
from todo_fixtures.sharing import LISTS, TITLE, TODOS, Shared, join
from todo_service.store.database import open_database
from todo_service.todos import erasure, purge

CHANGES = "/api/v1/changes"
ROLES = ("stranger", "former", "viewer", "editor", "owner")
NEITHER = ("stranger", "former")
# By route: an acceptable body, and the status for a stranger or former member, a viewer, an editor and the owner.
ROLE_MATRIX: dict[tuple[str, str], tuple[Any, tuple[int, int, int, int]]] = {
    ("GET", "todos/{todo_id}"): (None, (404, 200, 200, 200)),
    ("PATCH", "todos/{todo_id}"): ({"title": "Changed"}, (404, 403, 200, 200)),
    ("POST", "todos/{todo_id}/complete"): (None, (404, 403, 200, 200)),
    ("POST", "todos/{todo_id}/reopen"): (None, (404, 403, 200, 200)),
    ("DELETE", "todos/{todo_id}"): (None, (404, 403, 204, 204)),
    ("POST", "todos/{todo_id}/restore"): (None, (404, 403, 200, 200)),
    ("POST", "todos"): ({"title": "New", "list_id": "{list_id}"}, (422, 403, 201, 201)),
    ("GET", "lists/{list_id}"): (None, (404, 200, 200, 200)),
    ("PATCH", "lists/{list_id}"): ({"name": "Theirs"}, (404, 403, 403, 200)),
    ("DELETE", "lists/{list_id}"): (None, (404, 403, 403, 204)),
    ("POST", "lists/{list_id}/restore"): (None, (404, 403, 403, 200)),
    ("GET", "lists/{list_id}/members"): (None, (404, 200, 200, 200)),
    ("PATCH", "lists/{list_id}/members/{member_id}"): ({"role": "editor"}, (404, 403, 403, 200)),
    ("DELETE", "lists/{list_id}/members/{member_id}"): (None, (404, 204, 403, 204)),  # the viewer is that member
    ("GET", "lists/{list_id}/invitations"): (None, (404, 403, 403, 200)),
    ("POST", "lists/{list_id}/invitations"): ({"role": "viewer", "name": "Me"}, (404, 403, 403, 201)),
    ("DELETE", "lists/{list_id}/invitations/{invitation_id}"): (None, (404, 403, 403, 204)),
}


def expected(role: str, statuses: tuple[int, int, int, int]) -> int:
    return dict(zip(ROLES, (statuses[0], *statuses), strict=True))[role]


def send(shared: Shared, role: str, method: str, path: str, body: Any) -> httpx2.Response:
    ids = {name: getattr(shared, name) for name in ("list_id", "todo_id", "member_id", "invitation_id")}
    if body and "list_id" in body:
        body = {**body, "list_id": shared.list_id}
    return shared.client(role).request(method, f"/api/v1/{path.format(**ids)}", json=body)


def state(shared: Shared) -> list[Any]:
    owner = shared.client("owner")
    paths = (TODOS, LISTS, f"{LISTS}/{shared.list_id}/members", f"{LISTS}/{shared.list_id}/invitations")
    return [owner.get(path).json()["items"] for path in paths]


@pytest.mark.parametrize("route", ROLE_MATRIX, ids=" ".join)
def test_every_route_with_every_role(isolated_service: Service, route: tuple[str, str]) -> None:
    """What is refused changes nothing, and with either wall removed nobody gets more."""
    body, statuses = ROLE_MATRIX[route]
    shared = sharing.make(isolated_service)
    for role in ROLES:
        before, status = state(shared), expected(role, statuses)
        response = send(shared, role, *route, body)
        assert response.status_code == status, (role, response.text)
        assert not any(sub in response.text for sub in shared.subs.values()), "nobody learns a `sub`"
        if status >= 400:
            assert state(shared) == before, role
            assert TITLE not in response.text
            if status == 403:
                assert response.json()["type"] == "urn:problem-type:todo:insufficient-role"
        elif route[0] != "GET":
            shared = sharing.make(isolated_service)


def titles(client: httpx2.Client, path: str, key: str = "items") -> list[str]:
    return [each["title"] for each in client.get(path).json()[key]]


@pytest.mark.parametrize("role", ROLES)
def test_every_view_shows_the_list_to_its_people_only(isolated_service: Service, role: str) -> None:
    """Also the export, which is of one's own things, and a batch, which is of one's own todos."""
    shared = sharing.make(isolated_service)
    isolated_service.person(shared.subs["owner"]).post(TODOS, json={"title": "Of the owner alone"})
    client, seen = shared.client(role), role not in NEITHER
    mine = client.post(TODOS, json={"title": "Mine"}).json()["id"]
    in_list = f"{TODOS}?list_id={shared.list_id}"
    assert titles(client, in_list) == ([TITLE] if seen else [])
    assert titles(client, f"{in_list}&q=OAT&sort=position&status=open") == ([TITLE] if seen else [])
    changes = client.get(CHANGES).json()
    everything = {TITLE, "Of the owner alone", "Mine"} if role == "owner" else {TITLE, "Mine"} if seen else {"Mine"}
    assert {each["title"] for each in changes["upserts"]} == everything
    assert [each["id"] for each in changes["lists"]] == ([shared.list_id] if seen else [])
    lists = client.get(LISTS).json()["items"]
    assert [(each["role"], each["shared_by"]) for each in lists] == (
        [] if not seen else [("owner", None)] if role == "owner" else [(role, "Alice")]
    )
    exported = client.get("/api/v1/export").json()
    assert {each["title"] for each in exported["todos"]} == (everything if role == "owner" else {"Mine"})
    if role != "owner":
        assert titles(client, TODOS) == ["Mine"]
        operation = {"op": "update", "id": shared.todo_id, "todo": {"title": "x"}}
        moved = {"op": "update", "id": mine, "todo": {"list_id": shared.list_id}}
        results = client.post(f"{TODOS}:batch", json={"operations": [operation, moved]}).json()["results"]
        assert [each["status"] for each in results] == [404, 422]
        assert client.patch(f"{TODOS}/{mine}", json={"list_id": shared.list_id}).status_code == 422


@pytest.mark.parametrize("role", ["editor", "viewer", "former", "stranger"])
def test_the_owners_other_todos_are_nobodys_business(isolated_service: Service, role: str) -> None:
    """Neither by id, nor by moving a shared todo out of its list, nor into the owner's inbox or another list."""
    shared = sharing.make(isolated_service)
    owner, client = shared.client("owner"), shared.client(role)
    other = owner.post(LISTS, json={"name": "Private"}).json()["id"]
    private = owner.post(TODOS, json={"title": "Private", "list_id": other}).json()["id"]
    inbox = owner.post(TODOS, json={"title": "Private, too"}).json()["id"]
    for id_ in (private, inbox):
        answers = [client.get(f"{TODOS}/{id_}"), client.patch(f"{TODOS}/{id_}", json={"title": "x"})]
        answers += [client.delete(f"{TODOS}/{id_}"), client.post(f"{TODOS}/{id_}/complete")]
        assert {each.status_code for each in answers} == {404}
    refused = 422 if role == "editor" else 403 if role == "viewer" else 404
    for list_id in (other, None):
        moved = client.patch(f"{TODOS}/{shared.todo_id}", json={"list_id": list_id})
        assert moved.status_code == refused
    assert client.post(TODOS, json={"title": "x", "list_id": other}).status_code == 422
    assert titles(client, f"{TODOS}?list_id={other}") == []
    assert {each["id"] for each in owner.get(TODOS).json()["items"]} == {shared.todo_id, private, inbox}


class TestChanges:
    """`since` of each person; each call lists what that person has not seen yet."""

    @pytest.fixture
    def ours(self, shared_service: Service) -> Shared:
        return sharing.make(shared_service)

    @pytest.fixture
    def news(self, ours: Shared) -> Callable[[str], dict[str, Any]]:
        seen: dict[str, str] = {}

        def ask(role: str) -> dict[str, Any]:
            query = {"since": seen[role]} if role in seen else {}
            found: dict[str, Any] = ours.client(role).get(CHANGES, params=query).json()
            seen[role] = found["next"]
            return {name: each for name, each in found.items() if name not in ("next", "has_more", "last_event_id")}

        for role in ("owner", "editor", "viewer"):
            ask(role)
            assert not any(ask(role).values())
        return ask

    def test_go_to_everybody(self, ours: Shared, news: Any) -> None:
        added = ours.client("editor").post(TODOS, json={"title": "Bread", "list_id": ours.list_id}).json()
        for role in ("owner", "editor", "viewer"):
            assert news(role)["upserts"] == [added]
        ours.client("owner").delete(f"{TODOS}/{ours.todo_id}")
        for role in ("owner", "editor", "viewer"):
            assert [each["id"] for each in news(role)["tombstones"]] == [ours.todo_id]
        ours.client("owner").post(TODOS, json={"title": "Private"})
        assert not any(news("editor").values())

    def test_a_todo_that_leaves_the_list_is_gone_for_members_and_comes_back(self, ours: Shared, news: Any) -> None:
        owner, path = ours.client("owner"), f"{TODOS}/{ours.todo_id}"
        owner.patch(path, json={"list_id": None, "title": "Secret"})
        assert [[each["id"] for each in news(role)["tombstones"]] for role in ("viewer", "owner")] == [
            [ours.todo_id],
            [],
        ]
        owner.patch(path, json={"list_id": ours.list_id, "title": "Not secret"})
        found = news("viewer")
        assert ([each["title"] for each in found["upserts"]], found["tombstones"]) == (["Not secret"], [])
        batch = {"operations": [{"op": "update", "id": ours.todo_id, "todo": {"list_id": None}}]}
        assert owner.post(f"{TODOS}:batch", json=batch).json()["results"][0]["status"] == 200
        assert [each["id"] for each in news("viewer")["tombstones"]] == [ours.todo_id]

    def test_a_todo_that_moves_between_two_shared_lists_is_told_once(self, ours: Shared, news: Any) -> None:
        owner = ours.client("owner")
        other = owner.post(LISTS, json={"name": "Other"}).json()["id"]
        join(owner, ours.client("viewer"), other, "viewer")
        news("viewer")
        owner.patch(f"{TODOS}/{ours.todo_id}", json={"list_id": other})
        found = news("viewer")
        assert ([each["list_id"] for each in found["upserts"]], found["tombstones"]) == ([other], [])

    def test_a_list_that_is_deleted_restored_renamed_or_no_longer_shared(self, ours: Shared, news: Any) -> None:
        owner, list_path = ours.client("owner"), f"{LISTS}/{ours.list_id}"
        owner.patch(list_path, json={"name": "Theirs"})
        assert [(each["name"], each["role"]) for each in news("viewer")["lists"]] == [("Theirs", "viewer")]
        owner.patch(f"{list_path}/members/{ours.member_id}", json={"role": "editor"})
        assert [each["role"] for each in news("viewer")["lists"]] == ["editor"]
        owner.delete(list_path)
        assert [each["id"] for each in news("viewer")["list_tombstones"]] == [ours.list_id]
        assert ours.client("viewer").get(f"{TODOS}/{ours.todo_id}").status_code == 404
        owner.post(f"{list_path}/restore")
        found = news("viewer")
        assert ([each["id"] for each in found["upserts"]], len(found["lists"])) == ([ours.todo_id], 1)
        assert owner.delete(f"{list_path}/members/{ours.member_id}").status_code == 204
        assert [each["id"] for each in news("viewer")["list_tombstones"]] == [ours.list_id]
        owner.post(TODOS, json={"title": "Later", "list_id": ours.list_id})
        assert not any(news("viewer").values())

    def test_pages_have_each_todo_once(self, ours: Shared) -> None:
        owner, viewer = ours.client("owner"), ours.client("viewer")
        for n in range(5):
            owner.post(TODOS, json={"title": f"theirs {n}", "list_id": ours.list_id})
            viewer.post(TODOS, json={"title": f"mine {n}"})
        found: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = viewer.get(CHANGES, params=query).json()
            found += [each["title"] for each in page["upserts"]]
            query["since"] = page["next"]
            if not page["has_more"]:
                break
        assert sorted(found) == sorted([TITLE, *(f"{whose} {n}" for whose in ("mine", "theirs") for n in range(5))])

    def test_events_come_to_everybody_and_end_with_the_membership(self, ours: Shared) -> None:
        """The position of `/changes` is that of the stream, for members too."""
        viewer, owner = ours.client("viewer"), ours.client("owner")

        def position() -> str:
            found: str = viewer.get(CHANGES).json()["last_event_id"]
            return found

        with viewer.stream("GET", "/api/v1/events", headers={"Last-Event-ID": position()}) as response:
            ids = (line.removeprefix("id: ") for line in response.iter_lines() if line.startswith("id: "))
            ours.client("editor").patch(f"{TODOS}/{ours.todo_id}", json={"title": "Changed"})
            assert next(ids) == position()
            owner.delete(f"{LISTS}/{ours.list_id}/members/{ours.member_id}")
            assert next(ids) == position() == "1"
            owner.post(TODOS, json={"title": "Not theirs", "list_id": ours.list_id})
            viewer.post(TODOS, json={"title": "Mine"})
            assert next(ids) == "2"


def test_a_list_that_is_no_longer_shared_while_it_is_edited(shared_service: Service) -> None:
    ours = sharing.make(shared_service)
    editor, path = ours.client("editor"), f"{TODOS}/{ours.todo_id}"
    assert editor.patch(path, json={"title": "First"}).status_code == 200
    assert editor.delete(f"{LISTS}/{ours.list_id}/members/me").status_code == 204
    assert editor.patch(path, json={"title": "Second"}).status_code == 404
    assert ours.client("owner").get(path).json()["title"] == "First"
    assert ours.client("owner").get(f"{LISTS}/{ours.list_id}").json()["members"] == 1


def test_a_member_reads_the_list_page_by_page(shared_service: Service) -> None:
    """A cursor is the reader's, although the todos are the owner's."""
    ours = sharing.make(shared_service)
    ours.client("owner").post(TODOS, json={"title": "Second", "list_id": ours.list_id})
    query = {"list_id": ours.list_id, "limit": "1", "sort": "created"}
    first = ours.client("viewer").get(TODOS, params=query).json()
    second = ours.client("viewer").get(TODOS, params={**query, "cursor": first["next_cursor"]}).json()
    assert [each["title"] for each in (*first["items"], *second["items"])] == [TITLE, "Second"]
    assert ours.client("owner").get(TODOS, params={**query, "cursor": first["next_cursor"]}).status_code == 400


def test_two_editors_on_one_title_conflict(shared_service: Service) -> None:
    ours = sharing.make(shared_service)
    path = f"{TODOS}/{ours.todo_id}"
    etag = ours.client("editor").get(path).headers["ETag"]
    answers = [
        ours.client(role).patch(path, json={"title": role}, headers={"If-Match": etag}) for role in ("owner", "editor")
    ]
    assert [each.status_code for each in answers] == [200, 412]


def test_what_an_editor_adds_takes_the_owners_room_and_once_with_a_key(run_service: Any) -> None:
    with run_service(quota=3) as service:
        service.wait_until_ready()
        ours = sharing.make(service)
        editor, key = ours.client("editor"), {"Idempotency-Key": '"one"'}
        new = {"title": "New", "list_id": ours.list_id}
        made = [editor.post(TODOS, json=new, headers=key).json()["id"] for _ in range(2)]
        assert made[0] == made[1]
        assert [editor.post(TODOS, json=new).status_code for _ in range(2)] == [201, 403]
        assert editor.post(TODOS, json={"title": "Own"}).status_code == 201


def test_a_deleted_account_leaves_and_its_lists_go(shared_service: Service) -> None:
    """What a member added to somebody else's list stays there."""
    ours = sharing.make(shared_service)
    added = ours.client("editor").post(TODOS, json={"title": "Bread", "list_id": ours.list_id}).json()["id"]
    url = shared_service.app.state.parts.database.writer.url.render_as_string(hide_password=False)

    async def erase(role: str) -> None:
        own = open_database(url)
        try:
            await erasure.receive(own, uuid.uuid4().hex, erased=ours.subs[role], now=datetime.now(UTC))
        finally:
            await own.close()

    asyncio.run(erase("editor"))
    owner = ours.client("owner")
    assert [each["name"] for each in owner.get(f"{LISTS}/{ours.list_id}/members").json()["items"]] == ["Victor"]
    assert owner.get(f"{LISTS}/{ours.list_id}").json()["members"] == 1
    assert owner.get(f"{TODOS}/{added}").status_code == 200
    since = ours.client("viewer").get(CHANGES).json()["next"]
    asyncio.run(erase("owner"))
    found = ours.client("viewer").get(CHANGES, params={"since": since}).json()
    assert [each["id"] for each in found["list_tombstones"]] == [ours.list_id]
    assert ours.client("viewer").get(LISTS).json()["items"] == []


def test_the_purge_takes_members_of_lists_that_are_gone_and_old_invitations(shared_service: Service) -> None:
    ours, kept = sharing.make(shared_service), sharing.make(shared_service)
    ours.client("owner").delete(f"{LISTS}/{ours.list_id}")
    url = shared_service.app.state.parts.database.writer.url.render_as_string(hide_password=False)

    async def run(days: int) -> dict[str, int]:
        own = open_database(url)
        try:
            return await purge.purge(own, now=datetime.now(UTC) + timedelta(days=days))
        finally:
            await own.close()

    assert asyncio.run(run(1))["members"] == 0
    removed = asyncio.run(run(31))
    assert removed["members"] >= 2
    assert removed["invitations"] >= 1
    assert kept.client("viewer").get(f"{LISTS}/{kept.list_id}").status_code == 200
    wait_until(lambda: ours.client("viewer").get(LISTS).json()["items"] == [])
