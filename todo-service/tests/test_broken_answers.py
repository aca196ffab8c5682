"""A response that fails after its head was sent: the connection is closed, and nothing more is sent."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx2
import pytest
from sqlalchemy import RowMapping

from todo_service.store.database import Database
from todo_service.todos import export

TODOS = "/api/v1/todos"


def test_an_export_that_breaks_in_the_middle_is_cut_off(
    run_service: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client notices the missing last chunk. The log has the error itself, and none about a second head."""
    read_part = export._read_part

    async def fail_at_the_second(
        owner: str, database: Database, after: uuid.UUID, now: datetime
    ) -> Sequence[RowMapping]:
        if after.int:
            raise LookupError("the second part")
        return await read_part(owner, database, after, now)

    caplog.set_level(logging.ERROR)
    with run_service() as running:
        running.wait_until_ready()
        person = running.person()
        person.post(TODOS, json={"title": "kept"}).raise_for_status()
        monkeypatch.setattr(export, "_PART", 1)
        monkeypatch.setattr(export, "_read_part", fail_at_the_second)
        with person.stream("GET", "/api/v1/export") as answer:
            assert answer.status_code == 200
            with pytest.raises(httpx2.RemoteProtocolError):
                answer.read()
        assert person.get(TODOS).status_code == 200  # on another connection
    failures = [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [type(failure) for failure in failures] == [LookupError]
