"""Exports beside each other: a slow reader keeps nothing from others, and a full house says so."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from todo_fixtures.service import Service
from todo_service.todos import export

EXPORT = "/api/v1/export"


def allow_at_once(number: int, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    places = service.app.state.parts.export_places
    monkeypatch.setattr(places, "_free", asyncio.Semaphore(number))
    monkeypatch.setattr(places, "_patience", 0.05)


def test_a_reader_who_stops_reading_takes_no_place_from_others(
    shared_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_at_once(1, shared_service, monkeypatch)
    go_on, reads_again = export._go_on, threading.Event()

    async def stop_after_the_first_part(first: bytes, stream: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """As with a client whose sockets are full; small answers fit into the sockets between us."""
        parts = go_on(first, stream)
        yield await anext(parts)
        while not reads_again.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.005)
        async for part in parts:
            yield part

    alice, bob = shared_service.person(), shared_service.person()
    for number in range(2):
        assert alice.post("/api/v1/todos", json={"title": f"{number}"}).status_code == 201
    monkeypatch.setattr(export, "_PART", 1)
    with monkeypatch.context() as slow:
        slow.setattr(export, "_go_on", stop_after_the_first_part)
        with alice.stream("GET", EXPORT) as answer:
            parts = answer.iter_raw()
            beginning = next(parts)
            slow.undo()
            assert bob.get(EXPORT).json()["todos"] == []
            reads_again.set()
            whole = beginning + b"".join(parts)
    assert [todo["title"] for todo in json.loads(whole)["todos"]] == ["0", "1"]


def test_a_full_house_refuses_an_export_in_words_of_its_own(
    shared_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_at_once(0, shared_service, monkeypatch)
    refused = shared_service.person().get(EXPORT)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert refused.json()["type"] == "urn:problem-type:todo:rate-limit-exceeded"
    assert refused.json()["detail"].startswith("The service is busy with as many exports as it serves at once.")
