"""Invitations to a list: each is used once, within a week, by somebody else."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import FREQUENT, Service
from todo_fixtures.sharing import INVITATIONS, LISTS, accept, invite, join
from todo_service.todos import invitations, memberships


class TestInvitations:
    def test_shows_what_it_is_for_and_is_used_once(self, shared_service: Service) -> None:
        """The same person may repeat the request, since its answer may have been lost."""
        alice, bob, carol = (shared_service.person() for _ in range(3))
        list_id = alice.post(LISTS, json={"name": "Shopping"}).json()["id"]
        made = invite(alice, list_id, "viewer")
        shown = [bob.post(f"{INVITATIONS}/show", json={"token": made["token"]}).json() for _ in range(2)]
        assert shown[0] == shown[1]
        assert (shown[0]["list_name"], shown[0]["role"], shown[0]["shared_by"]) == ("Shopping", "viewer", "Alice")
        [first, again] = [accept(bob, made["token"]) for _ in range(2)]
        assert first.json() == again.json()
        assert (first.json()["role"], first.json()["members"]) == ("viewer", 1)
        for call in ("show", "accept"):
            body = {"token": made["token"], **({"name": "Carol"} if call == "accept" else {})}
            assert carol.post(f"{INVITATIONS}/{call}", json=body).status_code == 404
        assert bob.delete(f"{LISTS}/{list_id}/members/me").status_code == 204
        assert accept(bob, made["token"]).status_code == 404, "it was used, and the membership has ended"
        assert bob.post(f"{INVITATIONS}/show", json={"token": made["token"]}).status_code == 404

    def test_is_not_for_its_maker(self, shared_service: Service) -> None:
        alice = shared_service.person()
        made = invite(alice, alice.post(LISTS, json={"name": "Mine"}).json()["id"])
        refused = accept(alice, made["token"])
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:problem-type:todo:own-list")

    def test_is_the_same_404_when_it_is_unknown_withdrawn_or_of_a_deleted_list(self, shared_service: Service) -> None:
        alice, bob = shared_service.person(), shared_service.person()
        list_id = alice.post(LISTS, json={"name": "Ours"}).json()["id"]
        withdrawn, of_deleted = invite(alice, list_id), invite(alice, list_id)
        assert alice.get(f"{LISTS}/{list_id}/invitations").json()["items"][0].keys() == withdrawn.keys() - {"token"}
        path = f"{LISTS}/{list_id}/invitations/{withdrawn['id']}"
        assert [alice.delete(path).status_code for _ in range(2)] == [204, 404]
        alice.delete(f"{LISTS}/{list_id}")
        alice.post(f"{LISTS}/{list_id}/restore")
        answers = [accept(bob, token) for token in ("x" * 43, withdrawn["token"], of_deleted["token"])]
        assert [each.status_code for each in answers] == [404] * 3
        assert len({each.json()["detail"] for each in answers}) == 1

    def test_ends_after_a_week(self, run_service: Any) -> None:
        now = [datetime(2027, 1, 1, tzinfo=UTC).timestamp()]

        def person(service: Service, sub: str) -> httpx2.Client:
            service.wait_until_ready()
            return service.person(sub, iat=int(now[0]), exp=int(now[0]) + 300)

        with run_service(clock=lambda: now[0], schedule=FREQUENT) as service:
            alice = person(service, "alice")
            list_id = alice.post(LISTS, json={"name": "Ours"}).json()["id"]
            tokens = [invite(alice, list_id)["token"] for _ in range(2)]
            now[0] += invitations.TTL.total_seconds() - 1
            assert accept(person(service, "bob"), tokens[0]).status_code == 200
            now[0] += 1
            assert accept(person(service, "carol"), tokens[1]).status_code == 404
            assert person(service, "alice").get(f"{LISTS}/{list_id}/invitations").json()["items"] == []

    def test_of_two_people_at_once_one_gets_in(self, shared_service: Service) -> None:
        alice = shared_service.person()
        list_id = alice.post(LISTS, json={"name": "Ours"}).json()["id"]
        token = invite(alice, list_id)["token"]
        clients = [shared_service.person() for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            statuses = sorted(each.status_code for each in pool.map(lambda client: accept(client, token), clients))
        assert statuses == [200, *[404] * 5]
        assert alice.get(f"{LISTS}/{list_id}").json()["members"] == 1

    def test_makes_a_viewer_an_editor_but_not_the_reverse(self, shared_service: Service) -> None:
        alice, bob = shared_service.person(), shared_service.person()
        list_id = alice.post(LISTS, json={"name": "Ours"}).json()["id"]
        for given, role in (("viewer", "viewer"), ("editor", "editor"), ("viewer", "editor")):
            assert accept(bob, invite(alice, list_id, given)["token"]).json()["role"] == role
        assert alice.get(f"{LISTS}/{list_id}").json()["members"] == 1

    def test_numbers_are_bounded(self, shared_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        for module, name in ((invitations, "MOST"), (memberships, "MOST_MEMBERS"), (invitations, "MOST_SHARED")):
            monkeypatch.setattr(module, name, 1)
        monkeypatch.setattr(invitations, "MOST_MEMBERS", 1)
        alice, bob, carol = (shared_service.person() for _ in range(3))
        one, other = (alice.post(LISTS, json={"name": name}).json()["id"] for name in ("One", "Other"))
        join(alice, bob, one)
        token = invite(alice, one)["token"]
        full = alice.post(f"{LISTS}/{one}/invitations", json={"role": "editor", "name": "A"})
        refused = [full, accept(carol, token), accept(bob, invite(alice, other)["token"])]
        assert [(each.status_code, each.json()["type"].rpartition(":")[2]) for each in refused] == (
            [(403, "quota-exceeded")] * 3
        )
        assert [each.json()["detail"].partition(".")[0] for each in refused] == [
            "A list may have 1 open invitations",
            "A list may be shared with 1 others",
            "You may be a member of 1 lists of others",
        ]
