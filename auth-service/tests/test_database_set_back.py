"""A database that was set back without the command `restore` is noticed, while the service runs and after a restart."""

import time

import httpx2
import pytest

from auth_service.status_lists.epochs import ListName
from auth_service.status_lists.set_back import SetBackWatch

from .conftest import Service, Start
from .oauth_client import register
from .registry import API
from .waiting import wait_until


def is_told(service: Service) -> bool:
    return "\nauth_database_set_back 1\n" in httpx2.get(service.metrics_url).text


def report(service: Service, *lists: str) -> None:
    verifier = register(service, protected_resource=API)
    form = {"instance": "one", "kids": "k", "status_lists": " ".join(lists)}
    answer = httpx2.post(f"{service.url}/internal/verifiers", data=form, auth=(verifier.client_id, verifier.secret))
    assert answer.status_code == 204


def test_it_is_noticed_while_the_service_runs_until_restore_has_run(start: Start, database_url: str) -> None:
    service = start(database_url)
    person = service.signed_up()
    person.get("/token")
    person.post("/sign-out")  # sets a bit
    service.do(lambda _: service.status_lists.refresh(now=service.clock()))
    assert not is_told(service)
    service.execute("UPDATE status_lists SET version = version - 1 WHERE version > 0")
    wait_until(lambda: is_told(service))
    assert service.command("restore", "--yes").returncode == 0
    wait_until(lambda: not is_told(service))


def test_after_a_restart_the_reports_of_verifiers_show_it(start: Start, database_url: str) -> None:
    service = start(database_url)
    signed_at, uri = int(time.time()), service.list_uri(1)
    report(service, f"{uri}|0|{signed_at}", f"{uri.rpartition('/')[0]}/17|9|{signed_at}", service.list_uri(2))
    assert not is_told(service)
    report(service, f"{uri}|1|{signed_at}")
    assert is_told(service)


def test_a_version_of_another_process_is_read_before_it_is_judged(start: Start, sqlite_url: str) -> None:
    """This process looks for changes five times a second only."""
    service = start(sqlite_url)
    uri = service.list_uri(1)
    service.execute("UPDATE status_lists SET version = version + 1")
    report(service, f"{uri}|1|{int(time.time())}")
    assert not is_told(service)


@pytest.mark.parametrize(
    ("signed", "stored", "told"),
    [
        ({(7, 1): 3}, {(7, 1): 3, (7, 2): 0}, False),
        ({(7, 1): 3}, {(7, 1): 4}, False),
        ({(7, 1): 3}, {(7, 1): 2}, True),
        ({(7, 1): 3, (7, 2): 0}, {(7, 2): 0}, False),  # closed and gone
        ({(7, 2): 0, (7, 3): 0}, {(7, 1): 3, (7, 2): 0}, True),  # not made yet
        ({(7, 2): 3}, {(8, 3): 0}, False),  # restored
        ({(7, 2): 3}, {}, False),
    ],
)
def test_what_shows_it(signed: dict[tuple[int, int], int], stored: dict[tuple[int, int], int], *, told: bool) -> None:
    watch = SetBackWatch()
    watch.compare(*({ListName(*name): version for name, version in each.items()} for each in (signed, stored)))
    assert watch.is_set_back is told
