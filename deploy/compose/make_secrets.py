"""The secrets of one installation, made once: a file each, readable by the one who needs it.

    python make_secrets.py FOLDER

FOLDER holds a volume for each who reads: auth, todo, todo-migration, database, redis. The two sides of a password are
made together, and what was begun but not finished is made anew: until this has ended, nobody has read any of it.
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


# Whoever connects may ask whether it is well. Each service may count, under names of its own (its README says by what).
REDIS_USERS = "user default on nopass resetkeys resetchannels -@all +ping\n"
REDIS_USER = "user {name} on #{digest} ~{name}:* resetchannels -@all +client|setinfo +eval +incr +pttl +pexpire\n"


def make(folder: Path) -> None:
    """What is missing: an installation from before there was a Redis gets what is for it."""
    for volume, make_for in (("database", make_first), ("redis", make_redis)):
        if not (folder / volume / COMPLETE).exists():
            os.chown(folder / "auth", 0, 0)  # of all its rights this root has CHOWN alone: it writes where it owns
            make_for(folder)
            os.chown(folder / "auth", SERVICES, SERVICES)  # `secrets rotate` replaces files there; serving only reads
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
    """A file that its owner can read, or that a group can, and that nobody writes again."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(content + "\n", encoding="utf-8")
    draft.chmod(0o440 if group else 0o400)
    os.chown(draft, user, group or user)
    draft.replace(file)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
