"""The secrets of one installation, made once: a file each, readable by the one who needs it.

    python make_secrets.py FOLDER

FOLDER holds a volume for each who reads: auth, todo, todo-migration, database. The two sides of a database's password
are made together, and what was begun but not finished is made anew: until this has ended, nobody has read any of it.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

SERVICES = 10001  # the user of both services' images
DATABASE_READERS = 10002  # the group that compose.yaml gives to PostgreSQL, whose user differs from image to image
COMPLETE = "complete"


def make(folder: Path) -> None:
    if (folder / "database" / COMPLETE).exists():
        return
    for name in ("auth_secret", "auth_key_encryption_keys"):
        write(folder / "auth" / name, f"1:{secrets.token_urlsafe(48)}", user=SERVICES)
    write(folder / "todo" / "todo_client_secret", secrets.token_urlsafe(48), user=SERVICES)
    database = folder / "database"
    write(database / "postgres_password", secrets.token_urlsafe(48), group=DATABASE_READERS)
    for role, volume, name in (
        ("auth", "auth", "auth_database_url"),
        ("todo", "todo", "todo_database_url"),
        ("todo_owner", "todo-migration", "todo_migration_database_url"),
    ):
        password = secrets.token_urlsafe(48)
        write(database / f"{role}_password", password, group=DATABASE_READERS)
        url = f"postgresql+psycopg://{role}:{password}@database/{role.partition('_')[0]}"
        write(folder / volume / name, url, user=SERVICES)
    os.chown(folder / "auth", SERVICES, SERVICES)  # `secrets rotate` replaces files there; serving mounts it read-only
    (database / COMPLETE).touch(mode=0o444)


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
