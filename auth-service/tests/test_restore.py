"""`restore`: what a restored backup must not bring back. tests-e2e/test_restore.py has a verifier that kept running."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth_service.migrations.tables import import_tables
from auth_service.store.instants import utc_now

from .code_flow import API, sign_in
from .conftest import Service, Start, Store
from .status_scene import OFFLINE, make_scene, reference
from .waiting import wait_until

# What `restore` deletes, changes and keeps. A new table belongs to one of them.
EMPTIED = {
    "authorization_codes", "refresh_token_families", "authorization_requests", "logout_requests", "consents",
    "verifier_reports", "leases", "browser_sessions", "registration_tokens", "outgoing_mails", "mailed_links",
    "sign_in_challenges", "trusted_browsers", "sign_in_codes", "device_codes", "personal_tokens",
    "upstream_starts",
}  # fmt: skip
CHANGED = {"status_lists", "signing_keys", "grants", "clients", "account_events"}
KEPT = {
    "accounts", "identities", "attempts", "audit_events", "revoked_secrets", "client_origins", "used_assertions",
    "event_deliveries", "status_indexes", "resources", "resource_scopes",
    "account_roles", "groups", "group_members", "configured_objects",
    "totp_factors", "recovery_codes", "given_usernames", "client_workloads",
    "passkeys", "used_challenges", "upstream_providers", "upstream_identities",
}  # fmt: skip


def restore(store: Store, *arguments: str) -> dict[str, dict[str, Any]]:
    done = store.command("restore", "--yes", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {line["what"]: line for line in map(json.loads, done.stdout.splitlines())}


def epoch_of(token: str) -> int:
    return int(reference(token)[0].rpartition("/")[2].partition("-")[0])


def test_every_table_is_decided_upon() -> None:
    assert {table.__tablename__ for table in import_tables()} == EMPTIED | CHANGED | KEPT


def test_nothing_that_gave_access_does_any_longer(start: Start, database_url: str) -> None:
    service = start(database_url)
    scene = make_scene(service)
    offline = scene.frontend.tokens(scene.person, OFFLINE)["refresh_token"]
    code = scene.frontend.authorize(scene.person)
    before = {key["kid"] for key in keys(service)}
    told = restore(service)
    assert (told["sessions"]["count"], told["keys"]["count"]) == (2, 4)
    assert told["grants"]["count"] >= 0
    wait_until(lambda: not before & {key["kid"] for key in keys(service)})
    assert scene.active() == set()
    assert [scene.frontend.refresh(each).json()["error"] for each in (scene.refresh_token, offline)] == [
        "invalid_grant"
    ] * 2
    assert scene.frontend.redeem(code).json()["error"] == "invalid_grant"
    assert scene.person.browser.get("/get-session").json() is None
    assert userinfo(service, scene.tokens["frontend"]) == 401
    for table in EMPTIED - {"leases"}:
        assert service.rows(f"SELECT count(*) FROM {table}") == [(0,)], table


def test_what_is_issued_afterwards_is_good_and_of_the_new_epoch(start: Start, database_url: str) -> None:
    service = start(database_url)
    scene = make_scene(service)
    for _ in range(2):
        epoch = restore(service)["epoch"]["count"]
        wait_until_published(service, epoch)
        token = sign_in(service).browser.get("/token").json()["token"]
        scene.tokens = {"web": token, "service": scene.robot.token(resource=API).json()["access_token"]}
        assert {epoch_of(each) for each in scene.tokens.values()} == {epoch}
        assert scene.active() == scene.tokens.keys()


def test_browsers_may_stay_signed_in(start: Start, database_url: str) -> None:
    service = start(database_url)
    scene = make_scene(service)
    told = restore(service, "--keep-sessions")
    wait_until_published(service, told["epoch"]["count"])
    assert told["sessions"]["count"] == 0
    assert scene.active() == set()
    assert scene.frontend.refresh(scene.refresh_token).json()["error"] == "invalid_grant"
    assert scene.person.browser.get("/get-session").json()["user"]["id"] == scene.person.account_id
    service.clock.advance(seconds=2)
    assert epoch_of(scene.person.browser.get("/token").json()["token"]) == told["epoch"]["count"]


@pytest.mark.parametrize("change", ["epoch = epoch + 1", "epoch = 0", "state = 'void', closed_at = opened_at"])
def test_the_epoch_is_judged_before_an_index(start: Start, database_url: str, change: str) -> None:
    """An index of the same number in a list of another epoch belongs to somebody else."""
    service = start(database_url)
    scene = make_scene(service)
    assert len(scene.active()) == len(scene.tokens)
    assert userinfo(service, scene.tokens["frontend"]) == 200
    service.execute(f"UPDATE status_lists SET {change}")
    assert scene.active() == set()
    assert userinfo(service, scene.tokens["frontend"]) == 401


def test_two_restores_of_one_backup_have_different_epochs(sqlite_service: Service, tmp_path: Path) -> None:
    store = copy_of(sqlite_service, tmp_path / "backup.db")
    epochs = []
    for name in ("first.db", "second.db"):
        epochs.append(restore(copy_of(store, tmp_path / name))["epoch"]["count"])
    assert epochs[0] < epochs[1]


def test_an_epoch_ahead_of_the_clock_is_raised_too(sqlite_service: Service, tmp_path: Path) -> None:
    store = copy_of(sqlite_service, tmp_path / "backup.db")
    ahead = int(utc_now().timestamp()) + 1000
    store.execute(f"UPDATE status_lists SET epoch = {ahead}")
    assert restore(store)["epoch"]["count"] == ahead + 1


def test_what_may_have_come_back_is_told_with_the_time_in_which_it_changed(
    start: Start, sqlite_url: str, tmp_path: Path
) -> None:
    service = start(sqlite_url)
    scene = make_scene(service)
    service.signed_up("last@example.com")
    backup = copy_of(service, tmp_path / "backup.db")
    begun = utc_now()
    scene.command("users", "suspend", "ann@example.com", "--yes")
    scene.command("clients", "rotate-secret", scene.robot.client_id)
    scene.command("users", "delete", "last@example.com", "--yes")
    ended = utc_now()
    told = {what: line for what, line in restore(backup).items() if line["since"]}
    assert {what: line["count"] for what, line in told.items()} == {
        "accounts": 2, "passwords": 2, "suspensions": 0, "second factors": 0, "passkeys": 0, "clients": 5,
        "other sign-ins": 0, "upstream providers": 0,
        "client secrets": 3, "APIs": 1, "roles": 0, "group members": 0,
    }  # fmt: skip
    for line in told.values():
        since, until = datetime.fromisoformat(line["since"]), datetime.fromisoformat(line["until"])
        assert begun - timedelta(minutes=5) < since < begun < ended < until


def test_a_time_that_was_planned_before_the_backup_does_not_shorten_the_window(
    sqlite_service: Service, tmp_path: Path
) -> None:
    """An event's next delivery, a secret's end: the time may be over when the backup is restored."""
    sqlite_service.signed_up()
    store, begun = copy_of(sqlite_service, tmp_path / "backup.db"), utc_now()
    later = (begun + timedelta(milliseconds=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    store.execute(f"INSERT INTO attempts (key, count, next_at, expires_at) VALUES ('x', 1, '{later}', '{later}')")
    assert datetime.fromisoformat(restore(store)["accounts"]["since"]) < begun


def test_with_other_key_encryption_keys_nothing_is_changed(sqlite_service: Service, tmp_path: Path) -> None:
    store = copy_of(sqlite_service, tmp_path / "backup.db")
    before = store.rows("SELECT kid, state FROM signing_keys")
    done = store.command("restore", "--yes", AUTH_KEY_ENCRYPTION_KEYS="1:" + "Zq7" * 16)
    assert (done.returncode, "key" in done.stderr, done.stdout) == (1, True, "")
    assert store.rows("SELECT kid, state FROM signing_keys") == before
    assert store.rows("SELECT count(*) FROM status_lists WHERE state = 'void'") == [(0,)]


def test_it_is_not_done_by_mistake(sqlite_service: Service) -> None:
    done = sqlite_service.command("restore")
    assert (done.returncode, "--yes" in done.stderr) == (1, True)


def copy_of(store: Store, path: Path) -> Store:
    """A backup of a SQLite database, as a store of its own."""
    with (
        closing(sqlite3.connect(store.database_url.partition(":///")[2])) as source,
        closing(sqlite3.connect(path)) as target,
    ):
        source.backup(target)
    return Store(f"sqlite+aiosqlite:///{path}")


def wait_until_published(service: Service, epoch: int) -> None:
    """Wait until the service, which runs on, has the new lists and keys. Usually it is stopped during a restore.

    Before it has read the new keys, it signs with a withdrawn one: such a token is not active a moment later.
    """
    wait_until(lambda: str(epoch) in httpx2.get(f"{service.url}/oauth/status-lists").text)
    made = {kid for (kid,) in service.rows("SELECT kid FROM signing_keys WHERE state IN ('active', 'next')")}
    wait_until(lambda: {key["kid"] for key in keys(service)} <= made)


def keys(service: Service) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]
    return listed


def userinfo(service: Service, token: str) -> int:
    return httpx2.get(f"{service.url}/oauth/userinfo", headers={"Authorization": f"Bearer {token}"}).status_code


def rows_of_keys(store: Store) -> list[dict[str, Any]]:
    rows = store.rows("SELECT kid, encryption_key_version, encrypted_private_key FROM signing_keys")
    names = ("kid", "encryption_key_version", "encrypted_private_key")
    return [dict(zip(names, (kid, version, bytes(sealed).hex()), strict=True)) for kid, version, sealed in rows]


class TestKeysOfABackup:
    """`keys check` is what deploy/compose/backup.py asks before it fills a table."""

    def test_they_are_decrypted_without_a_database(self, sqlite_service: Service, tmp_path: Path) -> None:
        rows = rows_of_keys(sqlite_service)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        nowhere = f"sqlite+aiosqlite:///{tmp_path}/nowhere.db"
        done = sqlite_service.command("keys", "check", stdin=lines, AUTH_DATABASE_URL=nowhere)
        assert (done.returncode, done.stdout) == (0, f"{len(rows)} keys can be decrypted\n"), done.stderr
        assert not (tmp_path / "nowhere.db").exists()

    def test_other_key_encryption_keys_are_refused(self, sqlite_service: Service) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in rows_of_keys(sqlite_service))
        for others in ("1:" + "Zq7" * 16, "2:" + "Zq7" * 16):
            done = sqlite_service.command("keys", "check", stdin=lines, AUTH_KEY_ENCRYPTION_KEYS=others)
            assert (done.returncode, done.stdout, "auth-service: key " in done.stderr) == (1, "", True)

    @pytest.mark.parametrize(
        "line", ["x", "[]", '{"kid": "a"}', '{"kid": "a", "encryption_key_version": 1, "encrypted_private_key": "g"}']
    )
    def test_what_is_no_key_is_named_by_its_line(self, sqlite_service: Service, line: str) -> None:
        done = sqlite_service.command("keys", "check", stdin=line)
        assert (done.returncode, "line 1 is no row of signing_keys" in done.stderr) == (1, True)
