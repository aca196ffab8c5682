"""Make the secrets of one installation, once: one file per secret, readable only by the user that needs it.

    python make_secrets.py FOLDER

FOLDER holds one volume per reader: auth, todo, todo-migration, database, redis. The two sides of a password are made
together. If the script was interrupted, the next run makes everything anew; no other container has started by then, so
none has read an earlier secret.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path

SERVICES = 10001  # the user of both services' images
STORES = 10002  # the group that compose.yaml gives to PostgreSQL and Redis, whose users differ from image to image
COMPLETE = "complete"


# Every connection may send PING. Each service may count, under keys with its own prefix (its README has the commands).
REDIS_USERS = "user default on nopass resetkeys resetchannels -@all +ping\n"
REDIS_USER = "user {name} on #{digest} ~{name}:* resetchannels -@all +client|setinfo +eval +incr +pttl +pexpire\n"


def make(folder: Path) -> None:
    """Make the missing secrets: an installation that is older than Redis here gets those for Redis."""
    for volume, make_for in (("database", make_first), ("redis", make_redis)):
        if not (folder / volume / COMPLETE).exists():
            os.chown(folder / "auth", 0, 0)  # root without DAC_OVERRIDE writes only to folders that it owns
            make_for(folder)
            os.chown(folder / "auth", SERVICES, SERVICES)  # `secrets rotate` replaces files there; `serve` only reads
            (folder / volume / COMPLETE).touch(mode=0o444)


def make_first(folder: Path) -> None:
    for name in ("auth_secret", "auth_key_encryption_keys"):
        write(folder / "auth" / name, f"1:{secrets.token_urlsafe(48)}", user=SERVICES)
    write(folder / "todo" / "todo_client_secret", secrets.token_urlsafe(48), user=SERVICES)
    database = folder / "database"
    write(database / "postgres_password", secrets.token_urlsafe(48), group=STORES)
    for role, volume, name in (
        ("auth", "auth", "auth_database_url"),
        ("todo", "todo", "todo_database_url"),
        ("todo_owner", "todo-migration", "todo_migration_database_url"),
    ):
        password = secrets.token_urlsafe(48)
        write(database / f"{role}_password", password, group=STORES)
        url = f"postgresql+psycopg://{role}:{password}@database/{role.partition('_')[0]}"
        write(folder / volume / name, url, user=SERVICES)


def make_redis(folder: Path) -> None:
    users = REDIS_USERS
    for name in ("auth", "todo"):
        password = secrets.token_urlsafe(48)
        users += REDIS_USER.format(name=name, digest=hashlib.sha256(password.encode()).hexdigest())
        write(folder / name / f"{name}_redis_url", f"redis://{name}:{password}@redis:6379", user=SERVICES)
    write(folder / "redis" / "users.acl", users.rstrip(), group=STORES)


def write(file: Path, content: str, *, user: int = 0, group: int = 0) -> None:
    """Write a file that only its user can read, or its group if one is given, and that nobody can write."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(content + "\n", encoding="utf-8")
    draft.chmod(0o440 if group else 0o400)
    os.chown(draft, user, group or user)
    draft.replace(file)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
