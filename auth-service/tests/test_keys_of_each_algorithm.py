"""`keys list` and `keys rotate --emergency` with several algorithms in use (ROTATION.md)."""

import json
from typing import Any

import httpx2
import pytest

from .conftest import KEY_ENCRYPTION_KEYS, Service, Start
from .registry import API
from .test_api_algorithms import BILLING, activate, alg_of, introspect, put, robot, token_of
from .test_client_algorithms import create
from .test_key_rotation import NEWER
from .test_verifiers import report
from .waiting import wait_until

OTHER = "https://other.example"
pytestmark = pytest.mark.usefixtures("quick_reload")


def listed(service: Service, purpose: str) -> dict[str, dict[str, Any]]:
    """The keys of this purpose by state."""
    lines = map(json.loads, service.command("keys", "list").stdout.splitlines())
    return {key["state"]: key for key in lines if key["purpose"] == purpose}


def test_the_list_says_what_each_key_signs_and_which_apis_only_poll(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256")
    put(service, "PS256", resource=OTHER, scopes={"other:read": "Read"})
    kid = activate(service, "ES256")
    create(service, "ES256")
    verifier = robot(service, protected_resource=BILLING)
    assert report(verifier, kid).status_code == 204
    es256, ps256, rs256 = (listed(service, purpose) for purpose in ("tokens ES256", "tokens PS256", "tokens"))
    shown = ("alg", "apis", "polled_only", "clients", "verifiers")
    assert [es256["active"][name] for name in shown] == ["ES256", BILLING, "", 1, "1/1"]
    assert [es256["next"][name] for name in shown] == ["ES256", BILLING, "", 1, "0/1"]
    assert [ps256["next"][name] for name in shown] == ["PS256", OTHER, OTHER, 0, "0/0"]
    assert rs256["active"]["apis"] == f"{API} {OTHER}", "RS256 signs for the API whose key is not known yet"
    assert (rs256["active"]["polled_only"], rs256["active"]["clients"]) == (f"{API} {OTHER}", None)
    lists = listed(service, "status lists")["active"]
    assert (lists["alg"], lists["apis"], lists["clients"], lists["verifiers"]) == ("RS256", "", None, "0/1")


def test_an_emergency_names_its_key_when_several_sign(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256")
    es256 = activate(service, "ES256")
    rs256 = listed(service, "tokens")["active"]["kid"]
    api = robot(service, protected_resource=BILLING)
    wait_until(lambda: alg_of(token_of(api)) == "ES256")
    token = token_of(api)
    refused = service.command("keys", "rotate", "--emergency", "--yes")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"several keys sign tokens: name one of {rs256} (RS256), {es256} (ES256), or add --all" in refused.stderr
    spare = listed(service, "tokens ES256")["next"]["kid"]
    unknown = service.command("keys", "rotate", "--emergency", "--yes", "-YB13S5lIEZpZ3yE29BN5DUvZV48bwvd4XxiKTK9VYE")
    assert (unknown.returncode, "No such option" in unknown.stderr) == (1, False), unknown.stderr
    done = service.command("keys", "rotate", "--emergency", "--yes", es256)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["withdrawn"] == es256
    assert listed(service, "tokens")["active"]["kid"] == rs256, "another algorithm's key is not touched"
    assert listed(service, "tokens ES256")["active"]["kid"] == spare
    wait_until(lambda: introspect(api, token) == {"active": False})
    assert alg_of(token_of(api)) == "ES256"


def test_an_emergency_of_all_keys_withdraws_what_signs_and_what_is_about_to(start: Start, database_url: str) -> None:
    service = start(database_url)
    put(service, "ES256")
    put(service, "PS256", resource=OTHER, scopes={"other:read": "Read"})
    activate(service, "ES256")
    service.execute("UPDATE signing_keys SET created_at = '2026-01-01 00:00:00.000000' WHERE purpose <> 'tokens PS256'")
    purposes = ("tokens", "tokens ES256", "status lists")
    before = {purpose: listed(service, purpose) for purpose in (*purposes, "tokens PS256")}
    done = service.command("keys", "rotate", "--emergency", "--all", "--yes")
    assert done.returncode == 0, done.stderr
    gone = {before[purpose]["active"]["kid"] for purpose in purposes} | {before["tokens PS256"]["next"]["kid"]}
    assert {json.loads(line)["withdrawn"] for line in done.stdout.splitlines()} == gone
    for purpose in purposes:
        assert listed(service, purpose)["active"]["kid"] == before[purpose]["next"]["kid"]
    waiting = listed(service, "tokens PS256")
    assert "active" not in waiting, "the first key still waits for its hour"
    assert waiting["next"]["kid"] not in gone
    wait_until(lambda: not gone & published_kids(service))
    events = [event for (event,) in service.rows("SELECT event FROM audit_events WHERE event = 'key_withdrawn'")]
    assert len(events) == 4


def published_kids(service: Service) -> set[str]:
    return {key["kid"] for key in httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]}


def test_a_spare_and_a_retiring_key_can_be_withdrawn_by_name(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    service.execute("UPDATE signing_keys SET created_at = '2026-01-01 00:00:00.000000' WHERE purpose = 'tokens'")
    assert service.command("keys", "rotate").returncode == 0
    before = listed(service, "tokens")
    for state in ("next", "retiring"):
        done = service.command("keys", "rotate", "--emergency", "--yes", before[state]["kid"])
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout)
        assert (record["withdrawn"], record["active"]) == (before[state]["kid"], before["active"]["kid"])
    after = listed(service, "tokens")
    assert (after["active"]["kid"], "retiring" in after) == (before["active"]["kid"], False)
    assert after["next"]["kid"] not in {key["kid"] for key in before.values()}, "there is always a spare"
    assert service.rows("SELECT count(*) FROM signing_keys WHERE purpose = 'tokens' AND state = 'gone'") == [(2,)]


REFUSED = {
    "an unknown key": (("--emergency", "nobodys"), "no published key is named 'nobodys'"),
    "two keys": (("--emergency", "--all", "k"), "name the key in one way: KID, --all, --alg or --status-lists"),
    "all of one": (("--emergency", "--all", "--alg", "RS256"), "name the key in one way"),
    "an algorithm nobody uses": (("--emergency", "--alg", "PS256"), "there is no active key to withdraw"),
    "a name without an emergency": (("k",), "KID and --all are for --emergency only"),
    "all without an emergency": (("--all",), "KID and --all are for --emergency only"),
}


@pytest.mark.parametrize(("arguments", "told"), REFUSED.values(), ids=REFUSED)
def test_an_emergency_that_cannot_be_meant_changes_nothing(
    sqlite_service: Service, arguments: tuple[str, ...], told: str
) -> None:
    before = sqlite_service.rows("SELECT kid, state FROM signing_keys")
    refused = sqlite_service.command("keys", "rotate", "--yes", *arguments)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert told in refused.stderr
    assert sqlite_service.rows("SELECT kid, state FROM signing_keys") == before


def test_a_restore_makes_new_keys_of_each_algorithm_in_use(start: Start, sqlite_url: str) -> None:
    """What waited for its hour waits again; what signed signs with a new key."""
    service = start(sqlite_url)
    put(service, "ES256")
    put(service, "PS256", resource=OTHER, scopes={"other:read": "Read"})
    activate(service, "ES256")
    before = {kid for (kid,) in service.rows("SELECT kid FROM signing_keys")}
    assert service.command("restore", "--yes").returncode == 0
    for purpose, states in (("tokens ES256", {"active", "next"}), ("tokens PS256", {"next"})):
        new = {state: key for state, key in listed(service, purpose).items() if key["kid"] not in before}
        assert new.keys() == states
    assert service.rows("SELECT count(*) FROM signing_keys WHERE state = 'gone'") == [(len(before),)]


def test_a_rewrap_takes_the_keys_of_each_algorithm_along(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    put(service, "ES256")
    activate(service, "ES256")
    keys = f"2:{NEWER},{KEY_ENCRYPTION_KEYS}"
    done = service.command("keys", "rewrap", AUTH_KEY_ENCRYPTION_KEYS=keys)
    assert json.loads(done.stdout) == {"rewrapped": 6, "version": 2}, done.stderr
    versions = service.rows("SELECT DISTINCT encryption_key_version FROM signing_keys WHERE state <> 'gone'")
    assert versions == [(2,)]
