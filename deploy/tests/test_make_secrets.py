"""The secrets of a Compose installation: made once, replaced by command, or the operator's own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from deploy.compose import make_secrets

VOLUMES = ("auth", "todo", "todo-migration", "database", "redis")
Secrets = dict[str, str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The volumes. Owners stay as they are, because only root can change them."""
    monkeypatch.setattr(os, "chown", lambda *_: None)
    for name in VOLUMES:
        (tmp_path / name).mkdir()
    return tmp_path


def made(folder: Path, what: str = "make") -> Secrets:
    make_secrets.main(folder, what)
    return {f"{file.parent.name}/{file.name}": file.read_text().strip() for file in folder.rglob("*") if file.is_file()}


def test_secrets_are_made_once(folder: Path) -> None:
    first = made(folder)
    assert len(first) == 16
    assert made(folder) == first
    assert {file.stat().st_mode & 0o337 for file in folder.rglob("*") if file.is_file()} == {0}


def test_both_sides_of_a_password_agree(folder: Path) -> None:
    found = made(folder)
    for role, url in (("auth", "auth/auth_database_url"), ("todo_owner", "todo-migration/todo_migration_database_url")):
        assert urlsplit(found[url]).password == found[f"database/{role}_password"]
    for name in ("auth", "todo"):
        password = urlsplit(found[f"{name}/{name}_redis_url"]).password or ""
        assert f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} " in found["redis/users.acl"]


def test_every_secret_is_replaced_and_older_versions_stay_until_they_are_dropped(folder: Path) -> None:
    first = made(folder)
    second = made(folder, "replace")
    assert [name for name in first if first[name] == second[name]] == ["auth/auth_mail_url"]  # off: no secret
    for name in ("auth_secret", "auth_key_encryption_keys"):
        assert second[f"auth/{name}"].startswith("2:")
        assert second[f"auth/{name}"].endswith("," + first[f"auth/{name}"])
    for what, name in (("forget", "auth_key_encryption_keys"), ("sign-out", "auth_secret")):
        assert made(folder, what)[f"auth/{name}"] == second[f"auth/{name}"].partition(",")[0]
    assert made(folder, "replace")["auth/auth_secret"].startswith("3:")


def test_run_that_was_interrupted_is_completed(folder: Path) -> None:
    """Only the passwords were written: the URLs are made from them."""
    before = made(folder)
    for name in ("auth/auth_database_url", "todo/todo_redis_url", "redis/users.acl", "todo/todo_client_secret"):
        (folder / name).unlink()
    after = made(folder)
    assert [name for name in before if before[name] != after[name]] == ["todo/todo_client_secret"]


def test_older_installation_keeps_its_passwords(folder: Path) -> None:
    """It has Redis' passwords in the URLs only, and a secret without a number."""
    before = made(folder)
    for name in ("auth", "todo"):
        (folder / f"redis/{name}_redis_password").unlink()
    assert made(folder) == before
    (folder / "auth/auth_secret").chmod(0o600)
    (folder / "auth/auth_secret").write_text("unnumbered")
    assert made(folder, "replace")["auth/auth_secret"].endswith(",1:unnumbered")


@pytest.mark.parametrize("what", ["make", "replace"])
def test_given_secret_is_taken_and_our_own_comes_back(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    own = made(folder)
    given = {
        "AUTH_DATABASE_URL": "postgresql+psycopg://a:b@db.example.com/auth",
        "AUTH_MAIL_URL": "smtps://a:b@mail.example.com",
        "TODO_REDIS_URL": "rediss://redis.example.com",
        "TODO_CLIENT_SECRET": "c" * 40,
        "AUTH_SECRET": "7:" + "s" * 40,
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    found = made(folder, what)
    assert {name.rpartition("/")[2].upper(): value for name, value in found.items() if value in given.values()} == given
    for name in given:
        monkeypatch.delenv(name)
    back = made(folder)
    if what == "make":
        assert back["auth/auth_database_url"] == own["auth/auth_database_url"]
        assert back["todo/todo_redis_url"] == own["todo/todo_redis_url"]
