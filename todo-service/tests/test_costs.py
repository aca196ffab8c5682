"""What one account sends, inside every limit, is not felt by others: costs, turns, and small pieces of work."""

import asyncio
import re
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

import httpx2
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from atjwt.access_token import AccessToken
from todo_fixtures.event_loop import in_a_loop
from todo_fixtures.service import Service, wait_until
from todo_service.limits.windows import QuotaPolicy
from todo_service.store import database
from todo_service.todos import export, filling, idempotency, pages, queries, searches
from todo_service.todos.folding import fold

TODOS, BATCH, CHANGES, EXPORT = "/api/v1/todos", "/api/v1/todos:batch", "/api/v1/changes", "/api/v1/export"
HOUR = timedelta(hours=1)


def create(client: httpx2.Client, count: int, notes: str = "", **fields: Any) -> list[str]:
    """Create todos by batches, and return their ids."""
    ids: list[str] = []
    at_once = max(1, min(100, 200_000 // (len(notes.encode()) + 100)))
    for first in range(0, count, at_once):
        operations = [
            {"op": "create", "todo": {"title": f"todo {number}", "notes": notes, **fields}}
            for number in range(first, min(count, first + at_once))
        ]
        response = client.post(BATCH, json={"operations": operations})
        assert response.status_code == 200, response.text
        ids += [result["todo"]["id"] for result in response.json()["results"]]
    return ids


def left(response: httpx2.Response) -> int:
    found = re.match(r'"subject";r=(\d+);', response.headers["RateLimit"])
    assert found
    return int(found[1])


class TestCosts:
    """The rate limit counts what a request costs."""

    def test_each_operation_of_a_batch_counts_as_a_request(self, run_service: Any) -> None:
        with run_service(rate_limit=QuotaPolicy(50, HOUR)) as service:
            service.wait_until_ready()
            alice = service.person()
            operations = [{"op": "create", "todo": {"title": "x"}}] * 20
            answers = [alice.post(BATCH, json={"operations": operations}) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            assert [left(answer) for answer in answers] == [30, 10, 0]
            assert answers[-1].headers["Retry-After"]
            assert answers[-1].json()["type"] == "urn:problem-type:todo:rate-limit-exceeded"

    def test_what_costs_more_than_the_whole_quota_has_it_all(self, run_service: Any) -> None:
        with run_service(rate_limit=QuotaPolicy(10, HOUR)) as service:
            service.wait_until_ready()
            alice = service.person()
            answer = alice.post(BATCH, json={"operations": [{"op": "create", "todo": {"title": "x"}}] * 100})
            assert (answer.status_code, left(answer)) == (200, 0)
            assert alice.get(TODOS).status_code == 429

    def test_a_search_costs_as_many_requests_as_it_has_slices(
        self, run_service: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searches, "SLICE", 3)
        with run_service(rate_limit=QuotaPolicy(30, HOUR)) as service:
            service.wait_until_ready()
            alice = service.person()
            create(alice, 10)
            assert left(alice.get(TODOS)) == 19
            assert left(alice.get(TODOS, params={"q": "nowhere"})) == 19 - 1 - 3
            assert left(alice.get(TODOS, params={"q": "todo", "limit": 2})) == 15 - 1  # found in the first slice
            answers = [alice.get(TODOS, params={"q": "nowhere"}) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429]

    def test_an_export_costs_a_request_for_each_hundred(self, run_service: Any) -> None:
        with run_service(rate_limit=QuotaPolicy(1000, HOUR)) as service:
            service.wait_until_ready()
            alice = service.person()
            create(alice, 250)
            before = left(alice.get(TODOS))
            assert len(alice.get(EXPORT).json()["todos"]) == 250
            assert left(alice.get(TODOS)) == before - 1 - 1 - 2


def _is_owner(given: object) -> bool:
    return isinstance(given, str | AccessToken)


@contextmanager
def held(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """Calls of an async function wait until they are let go. Gives the owners who called, and what lets them go.

    No function is held that has a connection to the database.
    """
    called: list[str] = []
    go = threading.Event()
    original = getattr(module, name)

    async def wait(*given: Any, **named: Any) -> Any:
        called.append(next(each.sub if isinstance(each, AccessToken) else each for each in given if _is_owner(each)))
        while not go.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.005)
        return await original(*given, **named)

    monkeypatch.setattr(module, name, wait)
    try:
        yield called, go.set
    finally:
        go.set()


class TestTurns:
    """Costly requests of one subject take turns, and others do not wait for them."""

    def test_of_one_subject_two_searches_run_at_once_and_a_few_wait(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, bob = shared_service.person("alice searches"), shared_service.person("bob searches")
        with held(monkeypatch, filling, "fill") as (called, go), ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(alice.get, TODOS, params={"q": "x"}) for _ in range(12)]
            wait_until(lambda: sum(each.done() for each in asked) == 2 and called.count("alice searches") == 2)
            assert bob.get(TODOS).status_code == 200
            bobs = pool.submit(bob.get, TODOS, params={"q": "x"})
            refused = [each.result() for each in asked if each.done()]
            assert {each.json()["type"] for each in refused} == {"urn:problem-type:todo:rate-limit-exceeded"}
            assert all(int(each.headers["Retry-After"]) > 0 for each in refused)
            go()
            assert sorted(each.result().status_code for each in asked) == [200] * 10 + [429] * 2
            assert bobs.result().status_code == 200

    def test_batches_of_one_owner_follow_each_other(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sub = f"batches {shared_service.url}"
        alice, bob = shared_service.person(sub), shared_service.person()
        body = {"operations": [{"op": "create", "todo": {"title": "x"}}]}
        with held(monkeypatch, idempotency, "once") as (called, go), ThreadPoolExecutor(8) as pool:
            monkeypatch.setattr(shared_service.app.state.parts.batch_turns, "_rest", 0)
            asked = [pool.submit(alice.post, BATCH, json=body) for _ in range(7)]
            wait_until(lambda: sum(each.done() for each in asked) == 2 and called.count(sub) == 1)
            assert bob.get(TODOS).status_code == 200
            go()
            assert sorted(each.result().status_code for each in asked) == [200] * 5 + [429] * 2
        assert len(alice.get(TODOS).json()["items"]) == 5

    def test_exports_of_one_owner_follow_each_other_and_are_refused_early(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sub = f"exports {shared_service.url}"
        alice, bob = shared_service.person(sub), shared_service.person()
        create(alice, 3)
        with held(monkeypatch, export, "_read_part") as (called, go), ThreadPoolExecutor(6) as pool:
            monkeypatch.setattr(shared_service.app.state.parts.export_turns, "_rest", 0)
            asked = [pool.submit(alice.get, EXPORT) for _ in range(5)]
            wait_until(lambda: sum(each.done() for each in asked) == 3 and called.count(sub) == 1)
            bobs = pool.submit(bob.get, EXPORT)
            go()
            assert sorted(each.result().status_code for each in asked) == [200] * 2 + [429] * 3
            assert bobs.result().json()["todos"] == []
        assert {len(each.result().json().get("todos", "???")) for each in asked} == {3}

    def test_a_reader_who_hangs_up_gives_the_turn_back(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared_service.app.state.parts.export_turns, "_rest", 0)
        alice = shared_service.person()
        create(alice, 60, notes="n" * 10_000)
        for _ in range(4):
            with alice.stream("GET", EXPORT) as response:
                assert response.status_code == 200
                next(response.iter_raw(1000))
        assert len(alice.get(EXPORT).json()["todos"]) == 60


class TestPieces:
    """No single step takes long, however much an owner has."""

    @pytest.mark.parametrize("order", ["-created", "position", "due", "-priority", "updated"])
    def test_a_page_of_large_todos_ends_early_and_the_walk_has_them_all(
        self, shared_service: Service, order: str
    ) -> None:
        alice = shared_service.person()
        ids = create(alice, 70, notes="\N{OK HAND SIGN}" * 5_000)
        seen, cursor, sizes = [], None, []
        while True:
            parameters: dict[str, Any] = {"limit": 200, "sort": order} | ({} if cursor is None else {"cursor": cursor})
            page = alice.get(TODOS, params=parameters)
            sizes.append(len(page.content))
            seen += [todo["id"] for todo in page.json()["items"]]
            cursor = page.json()["next_cursor"]
            if cursor is None:
                break
        assert sorted(seen) == sorted(ids)
        assert len(sizes) >= 5
        assert max(sizes) < 2 * pages.MOST_OCTETS

    def test_changes_of_large_todos_come_in_parts(self, shared_service: Service) -> None:
        alice = shared_service.person()
        ids = create(alice, 70, notes="n" * 10_000)
        seen, since, has_more, parts = [], None, True, 0
        while has_more:
            answer = alice.get(CHANGES, params={"limit": 500} | ({"since": since} if since else {})).json()
            seen += [todo["id"] for todo in answer["upserts"]]
            since, has_more, parts = answer["next"], answer["has_more"], parts + 1
        assert seen == ids
        assert parts >= 2

    @pytest.mark.parametrize("more", [{}, {"status": "open"}, {"sort": "updated"}, {"sort": "-position"}, {"limit": 2}])
    def test_a_search_in_slices_finds_everything_in_order(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
    ) -> None:
        monkeypatch.setattr(searches, "SLICE", 3)
        alice = shared_service.person()
        create(alice, 11)
        create(alice, 4, notes="needle")
        create(alice, 8)
        create(alice, 3, notes="needle")
        everything = alice.get(TODOS, params={"limit": 200, **{k: v for k, v in more.items() if k != "limit"}})
        expected = [todo["id"] for todo in everything.json()["items"] if todo["notes"]]
        seen, url = [], f"{TODOS}?{httpx2.QueryParams({'q': 'NEEDLE', **more})}"
        while url:
            page = alice.get(url)
            seen += [todo["id"] for todo in page.json()["items"]]
            url = page.links["next"]["url"] if "next" in page.links else ""
        assert seen == expected
        assert len(seen) == 7

    def test_deleted_todos_are_searched_in_slices_too(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(searches, "SLICE", 2)
        alice = shared_service.person()
        ids = create(alice, 7, notes="needle")
        for id_ in ids[:5]:
            alice.delete(f"{TODOS}/{id_}")
        found = alice.get(TODOS, params={"deleted": "only", "q": "needle", "sort": "created"}).json()["items"]
        assert [todo["id"] for todo in found] == ids[:5]

    def test_a_hundred_operations_are_a_few_statements(self, shared_service: Service) -> None:
        """So a batch holds SQLite's writer as long as a few single requests do."""
        alice = shared_service.person()
        ids = create(alice, 90)
        operations: list[dict[str, Any]] = [{"op": "complete", "id": id_} for id_ in ids[:40]]
        operations += [{"op": "update", "id": id_, "todo": {"title": "new"}} for id_ in ids[40:80]]
        operations += [{"op": "delete", "id": id_} for id_ in ids[80:]]
        operations += [{"op": "create", "todo": {"title": "x"}}] * 10
        statements: list[str] = []

        def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        engine = shared_service.app.state.parts.database.writer.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            response = alice.post(BATCH, json={"operations": operations}, headers={"Idempotency-Key": '"k"'})
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert [result["status"] for result in response.json()["results"]] == [200] * 80 + [204] * 10 + [201] * 10
        assert len(statements) <= 14, statements

    def test_deleting_all_is_many_small_transactions(
        self, shared_service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = shared_service.person(auth_time=int(time.time()))
        create(alice, 210)
        calls: list[int] = []
        original = queries.remove_some

        async def count(*given: Any, **named: Any) -> int:
            calls.append(await original(*given, **named))
            return calls[-1]

        monkeypatch.setattr(queries, "remove_some", count)
        assert alice.delete(TODOS).status_code == 204
        assert calls == [100, 100, 10]
        assert alice.get(TODOS).json()["items"] == []
        tombstones, since, has_more = 0, None, True
        while has_more:
            answer = alice.get(CHANGES, params={"limit": 500} | ({"since": since} if since else {})).json()
            tombstones += len(answer["tombstones"])
            since, has_more = answer["next"], answer["has_more"]
        assert tombstones == 210


class TestScanning:
    """Statements that may look at many rows are never on the event loop, and end."""

    @pytest.fixture(params=["sqlite", "postgres"])
    def url(self, request: pytest.FixtureRequest) -> str:
        return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "empty_postgres"))

    def test_the_loop_goes_on_while_sqlite_looks(self, sqlite_url: str) -> None:
        @in_a_loop
        async def check() -> None:
            seen, go = threading.Event(), threading.Event()

            def wait() -> int:
                seen.set()
                return int(go.wait(60))

            connected = database.open_database(sqlite_url)
            async with connected.scanning("alice") as connection:
                raw = await connection.get_raw_connection()
                assert raw.driver_connection is not None
                await raw.driver_connection.create_function("wait", 0, wait)
                looking = asyncio.create_task(connection.execute(text("SELECT wait()")))
                await asyncio.to_thread(seen.wait, 60)
                go.set()  # reached while the statement still runs
                assert (await looking).scalar_one() == 1
            await connected.close()

        check()

    @pytest.mark.parametrize("use", ["scanning", "writing"])
    def test_a_statement_without_end_is_ended(self, url: str, use: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "STATEMENT_TIMEOUT", timedelta(milliseconds=50))
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"

        @in_a_loop
        async def check() -> None:
            connected = database.open_database(url)
            for _ in range(2):  # the connection is good for another one
                with pytest.raises(OperationalError):
                    async with getattr(connected, use)("alice") as connection:
                        await connection.execute(text(endless))
            await connected.close()

        check()

    @pytest.mark.parametrize("query", ["status=done&priority=3", "q=zzz", "deleted=only", "due_before=2027-01-01"])
    def test_a_list_that_may_look_far_does_not_read_on_the_loop(
        self, sqlite_service: Service, query: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice = sqlite_service.person()
        create(alice, 3)

        def refuse(*_: Any) -> None:
            raise AssertionError

        engine = sqlite_service.app.state.parts.database.reader.sync_engine
        event.listen(engine, "before_cursor_execute", refuse)
        try:
            assert alice.get(f"{TODOS}?{query}").status_code == 200
        finally:
            event.remove(engine, "before_cursor_execute", refuse)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Café", "cafe\u0301"), ("STRASSE", "straße"), ("ΌΣΟΣ", "όσος"), ("\u1e9e", "ss"), ("İ", "i\u0307"),
        ("\u212b", "å"), ("ﬁ", "FI"), ("\u0345\u0301", "\u0301\u0399"), ("각", "\u1100\u1161\u11a8"),
    ],
)  # fmt: skip
def test_texts_that_are_canonically_and_caselessly_the_same_are_folded_to_one(one: str, other: str) -> None:
    assert fold(one) == fold(other) == fold(fold(one))


def test_a_row_of_combining_marks_is_not_sorted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorting 130,000 takes 16 seconds, so the longest row that `normalize` is given counts, not the time."""
    rows: list[int] = []

    def count(form: Literal["NFC", "NFD"], given: str) -> str:
        rows.append(max(len(row) for row in re.split("[^\u0300-\u034e\u0350-\u036f\u0f73\u0f75\u0f81]", given)))
        return unicodedata.normalize(form, given)

    monkeypatch.setattr("todo_service.todos.folding.normalize", count)
    fold("a" + "\u0315\u0300" * 5_000)
    fold("\u0f75" * 5_000)  # no mark itself, but it becomes two
    assert max(rows) <= 30
