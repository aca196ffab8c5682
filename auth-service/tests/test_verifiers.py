"""Verifiers' reports are evidence for a rotation: authenticated, bounded, and not able to block it (ROTATION.md)."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from auth_service.keys.signing import KeyStore
from auth_service.keys.verifier_reports import MAX_INSTANCES, MAX_KIDS, REPORT_TTL, SILENT_AFTER
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database, open_database
from auth_service.worker.schedule import EVIDENCE_MAX_DELAY, KeySchedule, Pace

from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, Clock, Service, Start, Store
from .oauth_client import OAuthClient, register, register_with_key
from .test_key_rotation import HOUR, TTL, age, published
from .test_key_rotation import listed as listed_tokens_keys
from .test_worker import kids
from .waiting import wait_until

API = f"{ISSUER}/api/v1"
INTERVAL = timedelta(days=30)
LONG_SILENT = SILENT_AFTER + timedelta(seconds=1)


def report(client: OAuthClient, held: str, **form: str) -> httpx2.Response:
    body = {"instance": "one", "kids": held, **form}
    return httpx2.post(f"{client.service.url}/internal/verifiers", data=body, auth=(client.client_id, client.secret))


def listed(store: Store) -> dict[str, str]:
    lines = store.command("keys", "verifiers").stdout.splitlines()
    return {record["instance"]: record["kids"] for record in map(json.loads, lines)}


def test_the_last_report_of_each_instance_is_what_counts(service: Service) -> None:
    client = register(service, protected_resource=API)
    lists = service.list_uri(1)
    assert report(client, "b a", status_lists=lists).status_code == 204
    assert report(client, "c", instance="two").status_code == 204
    assert report(client, "a b c").status_code == 204
    assert listed(service) == {"one": "a b c", "two": "c"}
    assert report(client, "", instance="two").status_code == 204, "a verifier that stops reports no keys"
    assert listed(service) == {"one": "a b c"}


def lists_held(store: Store) -> list[dict[str, Any]]:
    lines = store.command("keys", "verifiers", "--status-lists", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_an_operator_sees_since_when_each_verifier_knows_of_a_revocation(start: Start, database_url: str) -> None:
    """REVOCATION.md: `lacking` is 0, and the list is held since a time after the revocation."""
    service = start(database_url)
    uri = service.list_uri(1)
    client, signed_at = register(service, protected_resource=API), int(service.clock().timestamp())
    service.clock.stop()
    assert report(client, "a", status_lists=f"{uri}|0|{signed_at} {service.list_uri(2)}").status_code == 204
    begun = service.clock()
    service.signed_up().post("/sign-out")
    [first, second] = lists_held(service)
    assert (first["status_list"], first["version"], first["lacking"]) == (uri, 0, 1)
    assert datetime.fromisoformat(first["signed_at"]).timestamp() == signed_at
    assert (second["version"], second["lacking"], second["signed_at"]) == (None, None, None)
    for seconds in (2, 30):
        service.clock.advance(seconds=seconds)
        signed_at += seconds
        assert report(client, "a", status_lists=f"{uri}|1|{signed_at}").status_code == 204
    [first] = lists_held(service)
    assert (first["instance"], first["lacking"]) == ("one", 0)
    assert datetime.fromisoformat(first["signed_at"]).timestamp() == signed_at
    since, reported_at = (datetime.fromisoformat(first[name]) - begun for name in ("held_since", "reported_at"))
    assert (round(since.total_seconds()), round(reported_at.total_seconds())) == (2, 32)


def test_what_was_reported_before_versions_were_is_shown(sqlite_service: Service) -> None:
    client = register(sqlite_service, protected_resource=API)
    report(client, "a", status_lists="https://a/1|1|2")
    sqlite_service.execute("""UPDATE verifier_reports SET status_lists = '["https://a/1"]'""")
    assert [(each["status_list"], each["version"]) for each in lists_held(sqlite_service)] == [("https://a/1", None)]
    assert report(client, "a", status_lists="https://a/1|1|2").status_code == 204


def test_a_verifier_may_prove_itself_by_its_key(service: Service) -> None:
    client = register_with_key(service, protected_resource=API)
    form = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}
    body = {**form, "client_assertion": client.assertion(), "instance": "one", "kids": "a"}
    assert httpx2.post(f"{service.url}/internal/verifiers", data=body).status_code == 204


IMPOSTORS = {
    "nobody": (lambda service: OAuthClient(service, "", ""), 401),
    "an unknown client": (lambda service: OAuthClient(service, "client_" + "x" * 32, "secret"), 401),
    "a wrong secret": (
        lambda service: OAuthClient(service, register(service, protected_resource=API).client_id, "guess"),
        401,
    ),
    "a client that is no resource": (register, 400),
}


@pytest.mark.parametrize(("impostor", "status"), IMPOSTORS.values(), ids=IMPOSTORS)
def test_impostors_are_refused_and_nothing_is_kept(sqlite_service: Service, impostor, status: int) -> None:  # type: ignore[no-untyped-def]  # a table of lambdas
    assert report(impostor(sqlite_service), "a").status_code == status
    assert sqlite_service.rows("SELECT * FROM verifier_reports") == []


BAD = {
    "no instance": {"instance": ""},
    "a long instance": {"instance": "x" * 65},
    "an instance with a space": {"instance": "a b"},
    "a NUL": {"instance": "a\0"},
    "a long kid": {"kids": "k" * 129},
    "too many kids": {"kids": " ".join(f"k{number}" for number in range(MAX_KIDS + 1))},
    "a kid of other letters": {"kids": "k/../k"},
    "a status list that is no URI": {"status_lists": "javascript:alert(1)"},
    "a status list without its iat": {"status_lists": "https://a/1|1"},
    "a version that is no number": {"status_lists": "https://a/1|x|1"},
    "a version below zero": {"status_lists": "https://a/1|-1|1"},
    "a long version": {"status_lists": f"https://a/1|{'9' * 10}|1"},
    "a long iat": {"status_lists": f"https://a/1|1|{'9' * 12}"},
    "more after the iat": {"status_lists": "https://a/1|1|1|1"},
    "two versions of a list": {"status_lists": "https://a/1|1|1 https://a/1|2|1"},
    "too many status lists": {"status_lists": " ".join(f"https://a/{number}" for number in range(65))},
}


@pytest.mark.parametrize("form", BAD.values(), ids=BAD)
def test_what_is_not_a_report_is_refused(sqlite_service: Service, form: dict[str, str]) -> None:
    client = register(sqlite_service, protected_resource=API)
    refused = report(client, "a", **form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert sqlite_service.rows("SELECT * FROM verifier_reports") == []


def test_a_client_has_so_many_instances_at_most(sqlite_service: Service) -> None:
    client = register(sqlite_service, protected_resource=API)
    with httpx2.Client(base_url=sqlite_service.url, auth=(client.client_id, client.secret)) as http:
        for number in range(MAX_INSTANCES + 1):
            last = http.post("/internal/verifiers", data={"instance": f"i{number}", "kids": "a"})
    assert last.status_code == 400
    assert report(client, "b", instance="i0").status_code == 204, "known instances can still report"
    sqlite_service.clock.advance(seconds=REPORT_TTL.total_seconds() + 1)
    assert report(client, "a", instance="new").status_code == 204, "silent instances make room for new ones"


def schedule(service: Store, clock: Clock) -> None:
    """Check for a due rotation, as the worker does every minute."""

    async def run() -> None:
        async with key_store(service) as (database, store):
            await KeySchedule(database, store, clock, Pace(INTERVAL, HOUR)).rotate_when_due()

    asyncio.run(run())


def pass_interval(service: Service) -> None:
    """Move the clock to a minute after the rotation is due. The template's key is older than this test."""

    async def activated_at() -> datetime:
        async with key_store(service) as (_, store):
            return next(key.activated_at for key in await store.list_keys() if key.activated_at)

    due = asyncio.run(activated_at()) + INTERVAL + timedelta(minutes=1)
    service.clock.advance(seconds=(due - service.clock()).total_seconds())


@asynccontextmanager
async def key_store(service: Store) -> AsyncIterator[tuple[Database, KeyStore]]:
    database = open_database(service.database_url)
    try:
        yield database, KeyStore(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
    finally:
        await database.close()


def test_one_verifier_without_the_spare_delays_a_rotation_for_an_hour_and_no_longer(
    start: Start, database_url: str
) -> None:
    service = start(database_url)
    before = kids(service)
    knows, lags = (register(service, protected_resource=API) for _ in range(2))
    pass_interval(service)
    for minutes in (0, 30, 15):
        service.clock.advance(minutes=minutes)
        assert report(knows, f"{before['active']} {before['next']}").status_code == 204
        assert report(lags, before["active"]).status_code == 204
        schedule(service, service.clock)
        assert kids(service) == before
    service.clock.advance(minutes=20)
    with structlog.testing.capture_logs() as logged:
        schedule(service, service.clock)
    assert kids(service)["active"] == before["next"]
    [alarm] = [line for line in logged if line["event"] == "key_rotated_without_evidence"]
    assert (alarm["log_level"], alarm["verifiers"]) == ("error", [f"{lags.client_id}/one"])
    assert EVIDENCE_MAX_DELAY == HOUR


def test_when_every_verifier_holds_the_spare_nobody_waits(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    before = kids(service)
    client = register(service, protected_resource=API)
    pass_interval(service)
    report(client, f"{before['active']} {before['next']}")
    schedule(service, service.clock)
    assert kids(service)["active"] == before["next"]


def test_by_command_too_a_verifier_without_the_spare_is_named_and_now_overrides(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    age(service)
    client = register(service, protected_resource=API)
    active, spare = published(service.client())
    report(client, active)
    refused = service.command("keys", "rotate")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"{client.client_id}/one" in refused.stderr
    shown = {(key["kid"], key["verifiers"]) for key in listed_tokens_keys(service)}
    assert shown == {(active, "1/1"), (spare, "0/1")}
    assert service.command("keys", "rotate", "--now").returncode == 0


@pytest.mark.process
def test_an_emergency_tells_when_each_verifier_refused_the_key(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    age(service)
    first, second = (register(service, protected_resource=API) for _ in range(2))
    active, spare = published(service.client())
    service.clock.offset -= LONG_SILENT
    report(first, f"{active} {spare}", instance="ended")
    service.clock.offset += LONG_SILENT
    for client in (first, second):
        report(client, f"{active} {spare}")
    with service.started("keys", "rotate", "--emergency", "--yes", stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["withdrawn"] == active
        report(first, spare)
        record = json.loads(process.stdout.readline())
        assert (record["verifier"], record["after_s"] >= 0) == (f"{first.client_id}/one", True)
        assert process.poll() is None, "the command did not wait for the other verifier"
        report(second, spare)
        assert json.loads(process.stdout.readline())["verifier"] == f"{second.client_id}/one"
        silent = json.loads(process.stdout.readline())
        assert (silent["verifier"], silent["refuses_since"]) == (f"{first.client_id}/ended", None)
        assert silent["reported_at"] < record["reported_at"]
    assert process.returncode == 0


def test_an_emergency_names_who_is_silent_and_does_not_wait(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    age(service)
    client = register(service, protected_resource=API)
    service.clock.offset -= LONG_SILENT
    report(client, " ".join(published(service.client())))
    done = service.command("keys", "rotate", "--emergency", "--yes")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr
    assert f"not waited for: {client.client_id}/one;" in done.stderr


def test_provisioning_twice_is_provisioning_once(
    start: Start, sqlite_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    service, client_id = start(sqlite_url), f"client_{'todoservice':0>32}"
    file = tmp_path_factory.mktemp("secret") / "secret"
    metadata = json.dumps({"grant_types": ["client_credentials"], "protected_resource": API})
    first, second = "K9wq-Zt3vXw7LrHn5Yp6Hs1JVb8mNc4xZl", "Hw7Lr/Zt3vX9wqKn5Yp6Hs2BVb8mNc4xZl"
    for drawn in (first, first, second):
        file.write_text(f"{drawn}\n")
        done = service.command("clients", "provision", client_id, "--secret-file", str(file), stdin=metadata)
        assert (done.returncode, done.stdout.strip()) == (0, client_id), done.stderr
        assert done.stderr == ""
        client = OAuthClient(service, client_id, drawn)
        wait_until(lambda: report(client, "a").status_code == 204)  # noqa: B023 - called before the next round
    assert len(service.rows("SELECT * FROM clients WHERE client_id <> 'web'")) == 1


@pytest.mark.parametrize("unsent", "+%")
def test_provisioning_warns_of_what_curl_cannot_send(sqlite_service: Service, tmp_path: Path, unsent: str) -> None:
    """RFC 6749 §2.3.1: in HTTP Basic the secret is form-encoded, so a client that sends `+` as it is sends a space."""
    drawn = "K9wq-Zt3vXw7LrHn5Yp6Hs1JVb8mNc4xZl"
    (tmp_path / "secret").write_text(f"{drawn}{unsent}")
    arguments = ("clients", "provision", "client_" + "a" * 32, "--secret-file", str(tmp_path / "secret"))
    done = sqlite_service.command(*arguments, stdin=json.dumps({"grant_types": ["client_credentials"]}))
    assert (done.returncode, "openssl rand -hex 32" in done.stderr, drawn in done.stderr) == (0, True, False)


def test_what_cannot_be_provisioned_is_refused_in_one_line(sqlite_service: Service, tmp_path: Path) -> None:
    good, short = f"{tmp_path}/good", f"{tmp_path}/short"
    for path, text in ((good, "Hw7Lr-Zt3vX9wqKn5Yp6Hs2BVb8mNc4xZl"), (short, "changeme")):
        Path(path).write_text(text)
    fine = json.dumps({"grant_types": ["client_credentials"]})
    public = json.dumps({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"})
    for client_id, path, metadata in (
        ("web", good, fine),
        ("client_short", good, fine),
        ("client_" + "a" * 32, short, fine),
        ("client_" + "a" * 32, f"{tmp_path}/absent", fine),
        ("client_" + "a" * 32, good, public),
    ):
        done = sqlite_service.command("clients", "provision", client_id, "--secret-file", path, stdin=metadata)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert sqlite_service.rows("SELECT * FROM clients WHERE client_id <> 'web'") == []
