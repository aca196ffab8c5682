"""`due_on` with `time_zone`: what is due on a day, where the clocks show that day."""

from datetime import date as day
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service

TODOS = "/api/v1/todos"


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def due_on(client: httpx2.Client, date: str, zone: str | None = None, **more: str) -> list[str]:
    parameters = {"due_on": date, "sort": "due", **more} | ({} if zone is None else {"time_zone": zone})
    response = client.get(TODOS, params=parameters)
    assert response.status_code == 200, response.text
    return [todo["title"] for todo in response.json()["items"]]


def create(client: httpx2.Client, *dues: str | None) -> None:
    for due in dues:
        assert client.post(TODOS, json={"title": str(due), "due": due}).status_code == 201


# Each: the zone, the day, and the first instant and the last microsecond of that day there.
DAYS = {
    "UTC": ("UTC", "2026-11-28", "2026-11-28T00:00:00Z", "2026-11-28T23:59:59.999999Z"),
    "west of Greenwich": ("America/Los_Angeles", "2026-11-28", "2026-11-28T08:00:00Z", "2026-11-29T07:59:59.999999Z"),
    "east of Greenwich": ("Asia/Tokyo", "2026-11-28", "2026-11-27T15:00:00Z", "2026-11-28T14:59:59.999999Z"),
    "far east": ("Pacific/Kiritimati", "2026-11-28", "2026-11-27T10:00:00Z", "2026-11-28T09:59:59.999999Z"),
    "far west": ("Etc/GMT+12", "2026-11-28", "2026-11-28T12:00:00Z", "2026-11-29T11:59:59.999999Z"),
    "half an hour": ("Asia/Kolkata", "2026-11-28", "2026-11-27T18:30:00Z", "2026-11-28T18:29:59.999999Z"),
    "23 hours": ("Europe/Berlin", "2027-03-28", "2027-03-27T23:00:00Z", "2027-03-28T21:59:59.999999Z"),
    "25 hours": ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z"),
    "23 hours in the west": ("America/New_York", "2027-03-14", "2027-03-14T05:00:00Z", "2027-03-15T03:59:59.999999Z"),
    "25 hours in the west": ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999999Z"),
    "no midnight": ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", "2018-11-05T01:59:59.999999Z"),
    "two midnights": ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T04:59:59.999999Z"),
}


@pytest.mark.parametrize("name", DAYS)
def test_a_day_has_the_times_that_the_zones_clocks_show(alice: httpx2.Client, name: str) -> None:
    zone, date, first, last = DAYS[name]
    # One microsecond before the first instant, and the first after the last.
    before = _shifted(first, -1)
    after = _shifted(last, 1)
    create(alice, before, first, last, after, None)
    create(alice, date, _next(date, -1), _next(date, 1))
    assert sorted(due_on(alice, date, zone)) == sorted([first, last, date])


def test_a_date_is_that_date_in_every_zone(alice: httpx2.Client) -> None:
    create(alice, "2026-11-27", "2026-11-28", "2026-11-29", None)
    for zone in (None, "UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York", "Asia/Tokyo"):
        assert due_on(alice, "2026-11-28", zone) == ["2026-11-28"]


def test_a_time_in_a_zone_of_its_own_is_on_the_askers_day(alice: httpx2.Client) -> None:
    create(alice, "2026-11-28T20:00:00-08:00[America/Los_Angeles]")
    for zone, date in (("America/Los_Angeles", "2026-11-28"), ("Asia/Tokyo", "2026-11-29"), ("UTC", "2026-11-29")):
        assert len(due_on(alice, date, zone)) == 1
    assert due_on(alice, "2026-11-28", "Asia/Tokyo") == []


def test_a_day_that_a_zone_skipped_has_no_time(alice: httpx2.Client) -> None:
    """Samoa went from 29 to 31 December 2011."""
    create(alice, "2011-12-30T09:59:59Z", "2011-12-30T10:00:00Z", "2011-12-30")
    assert due_on(alice, "2011-12-29", "Pacific/Apia") == ["2011-12-30T09:59:59Z"]
    assert due_on(alice, "2011-12-30", "Pacific/Apia") == ["2011-12-30"]
    assert due_on(alice, "2011-12-31", "Pacific/Apia") == ["2011-12-30T10:00:00Z"]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_the_first_and_the_last_day_of_all_can_be_asked_for(alice: httpx2.Client, zone: str) -> None:
    create(alice, "0001-01-01", "9999-12-31", None)
    assert due_on(alice, "0001-01-01", zone) == ["0001-01-01"]
    assert due_on(alice, "9999-12-31", zone) == ["9999-12-31"]


@pytest.mark.parametrize("sort", ["due", "-due", "created", "-updated", "priority", "position"])
def test_a_day_is_walked_page_by_page_in_every_order_and_with_other_filters(alice: httpx2.Client, sort: str) -> None:
    times = [f"2026-11-28T{hour:02}:00:00+01:00[Europe/Berlin]" for hour in range(24)]
    create(alice, *times, "2026-11-28", "2026-11-29")
    parameters: Any = {"due_on": "2026-11-28", "time_zone": "Europe/Berlin", "sort": sort, "limit": 7, "status": "open"}
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = alice.get(TODOS, params=parameters | cursor).json()
        found += [todo["title"] for todo in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(found) == sorted([*times, "2026-11-28"])
    assert due_on(alice, "2026-11-28", "Europe/Berlin", q="T09:00") == [times[9]]


NO_ZONE = "must name a time zone of the IANA database"
REFUSED = {
    "no date": ({"due_on": "tomorrow"}, "due_on", "must be a date, such as 2027-01-31"),
    "a time": ({"due_on": "2026-11-28T09:00:00Z"}, "due_on", "must be a date, such as 2027-01-31"),
    "no such date": ({"due_on": "2026-02-29"}, "due_on", "must be a date and time that exists"),
    "year 0": ({"due_on": "0000-01-01"}, "due_on", "must be a date and time that exists"),
    "an empty date": ({"due_on": ""}, "due_on", "must be a date, such as 2027-01-31"),
    "a line break": ({"due_on": "2026-11-28\n"}, "due_on", "must be a date, such as 2027-01-31"),
    "an unknown zone": ({"due_on": "2026-11-28", "time_zone": "Mars/Olympus"}, "time_zone", NO_ZONE),
    "a path": ({"due_on": "2026-11-28", "time_zone": "../UTC"}, "time_zone", NO_ZONE),
    "an offset": ({"due_on": "2026-11-28", "time_zone": "+01:00"}, "time_zone", NO_ZONE),
    "a zone alone": ({"time_zone": "Europe/Berlin"}, "time_zone", "is used only together with due_on"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_day_or_zone_is_named(alice: httpx2.Client, name: str) -> None:
    parameters, parameter, detail = REFUSED[name]
    response = alice.get(TODOS, params=parameters)
    assert (response.status_code, response.json()["errors"]) == (400, [{"parameter": parameter, "detail": detail}])


def _shifted(instant: str, microseconds: int) -> str:
    return (datetime.fromisoformat(instant) + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _next(date: str, days: int) -> str:
    return (day.fromisoformat(date) + timedelta(days=days)).isoformat()
