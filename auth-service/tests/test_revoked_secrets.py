"""A client's secret that was revoked never comes back by provisioning."""

import json
from pathlib import Path

import pytest

from .code_flow import API
from .conftest import Service, Start
from .oauth_client import OAuthClient
from .operator_commands import Done
from .waiting import wait_until

CLIENT_ID = f"client_{'todoservice':0>32}"
METADATA = {"grant_types": ["client_credentials"], "protected_resource": API}
LEAKED, FRESH = "K9wq-Zt3vXw7LrHn5Yp6Hs1JVb8mNc4xZl", "Hw7Lr-Zt3vX9wqKn5Yp6Hs2BVb8mNc4xZl"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "secret"


def provision(service: Service, file: Path, secret: str, **metadata: object) -> Done:
    file.write_text(secret)
    stdin = json.dumps({**METADATA, **metadata})
    return service.command("clients", "provision", CLIENT_ID, "--secret-file", str(file), stdin=stdin)


def rotate(service: Service, *options: str) -> str:
    done = service.command("clients", "rotate-secret", CLIENT_ID, *options)
    assert done.returncode == 0, done.stderr
    made: str = json.loads(done.stdout)["client_secret"]
    return made


def is_accepted(service: Service, secret: str) -> bool:
    return OAuthClient(service, CLIENT_ID, secret).token().status_code == 200


def wait_for(service: Service, **accepted: bool) -> None:
    """Wait for the client's cache, until each secret is accepted or not as given by its name."""
    secrets = {"leaked": LEAKED, "fresh": FRESH}
    wait_until(lambda: {name: is_accepted(service, secrets[name]) for name in accepted} == accepted)


def test_a_revoked_secret_is_refused_with_what_to_do(start: Start, database_url: str, file: Path) -> None:
    """The runbook "A client secret leaked" on todo-service's own client, and then `docker compose up` again."""
    service = start(database_url)
    assert provision(service, file, LEAKED).returncode == 0
    made = rotate(service, "--revoke", "--yes")
    wait_for(service, leaked=False)
    for _ in range(2):
        done = provision(service, file, LEAKED)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
        assert str(file) in done.stderr
        assert "write a new one" in done.stderr
        assert LEAKED not in done.stderr
    assert is_accepted(service, made)
    assert not is_accepted(service, LEAKED)
    assert provision(service, file, FRESH).returncode == 0
    wait_for(service, fresh=True, leaked=False)
    assert provision(service, file, FRESH).returncode == 0
    trail = service.rows("SELECT event FROM audit_events ORDER BY id")
    assert [event for (event,) in trail] == ["client_provisioned", "client_secret_revoked", "client_provisioned"]


def test_it_stays_refused_after_later_rotations_and_the_clients_deletion(
    start: Start, sqlite_url: str, file: Path
) -> None:
    service = start(sqlite_url)
    assert provision(service, file, LEAKED).returncode == 0
    rotate(service, "--revoke", "--yes")
    rotate(service)
    rotate(service, "--revoke", "--yes")
    assert provision(service, file, LEAKED).returncode == 1
    assert service.command("clients", "delete", CLIENT_ID, "--yes").returncode == 0
    assert provision(service, file, LEAKED).returncode == 1
    assert service.rows(f"SELECT * FROM clients WHERE client_id = '{CLIENT_ID}'") == []


def test_a_replaced_secret_may_be_provisioned_until_it_ends(start: Start, database_url: str, file: Path) -> None:
    """During the overlap nothing is undone: both secrets stay valid."""
    service = start(database_url)
    assert provision(service, file, LEAKED).returncode == 0
    made = rotate(service, "--overlap", "P1D")
    assert provision(service, file, LEAKED, client_name="Todo").returncode == 0
    wait_until(lambda: is_accepted(service, made) and is_accepted(service, LEAKED))
    shown = json.loads(service.command("clients", "show", CLIENT_ID).stdout)
    assert shown["client_name"] == "Todo"
    service.execute("UPDATE revoked_secrets SET ends_at = '2026-01-01 00:00:00'")
    assert provision(service, file, LEAKED).returncode == 1
    assert is_accepted(service, made)


def test_another_secret_ends_both_of_an_overlap(start: Start, sqlite_url: str, file: Path) -> None:
    service = start(sqlite_url)
    assert provision(service, file, LEAKED).returncode == 0
    rotate(service, "--overlap", "P1D")
    assert provision(service, file, FRESH).returncode == 0
    wait_for(service, fresh=True, leaked=False)
    assert provision(service, file, LEAKED).returncode == 1


def test_a_secret_that_is_revoked_during_its_overlap_ends_at_once(start: Start, sqlite_url: str, file: Path) -> None:
    service = start(sqlite_url)
    assert provision(service, file, LEAKED).returncode == 0
    rotate(service, "--overlap", "P1D")
    rotate(service, "--revoke", "--yes")
    assert provision(service, file, LEAKED).returncode == 1
    wait_for(service, leaked=False)
