"""Make the secrets of one installation, replace them, or put the operator's own in their place.

    python make_secrets.py FOLDER            make what is missing, and write what the environment gives
    python make_secrets.py FOLDER replace    make everything anew; the versioned secrets keep their older versions
    python make_secrets.py FOLDER forget     drop the older versions of the key-encryption keys
    python make_secrets.py FOLDER sign-out   drop the older versions of the secret that signs cookies

FOLDER holds one volume per reader: auth, todo, todo-migration, database, redis. Each secret is one file, readable only
by the user that needs it. The files with passwords come first, and the URLs are made from them, so the next run
completes one that was interrupted. A secret in the environment (such as AUTH_DATABASE_URL) is written instead of ours.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICES = 10001  # the user of both services' images
STORES = 10002  # the group that compose.yaml gives to PostgreSQL and Redis, whose users differ from image to image
VERSIONED = ("auth_secret", "auth_key_encryption_keys")
ROLES = {  # PostgreSQL's role: its database, and the volume of the file with its URL
    "auth": ("auth", "auth/auth_database_url"),
    "todo": ("todo", "todo/todo_database_url"),
    "todo_owner": ("todo", "todo-migration/todo_migration_database_url"),
}
# Every connection may send PING. Each service may count, under keys with its own prefix: "Limits" in
# auth-service/OPERATION.md and todo-service/README.md lists the commands.
REDIS_USERS = "user default on nopass resetkeys resetchannels -@all +ping\n"
REDIS_USER = "user {name} on #{digest} ~{name}:* resetchannels -@all +client|setinfo +eval +incr +pttl +pexpire\n"


def make(folder: Path, given: Mapping[str, str], *, replaces: bool = False) -> None:
    """Make the missing secrets, or all of them anew if `replaces`."""
    os.chown(folder / "auth", 0, 0)  # root without DAC_OVERRIDE writes only to folders that it owns
    for name in VERSIONED:
        file = folder / "auth" / name
        if name.upper() in given:
            write(file, given[name.upper()], user=SERVICES)
        elif replaces or not file.exists():
            write(file, ",".join([drawn_version(versions_of(file)), *versions_of(file)]), user=SERVICES)
    client_secret = folder / "todo/todo_client_secret"
    if "TODO_CLIENT_SECRET" in given:
        write(client_secret, given["TODO_CLIENT_SECRET"], user=SERVICES)
    elif replaces or not client_secret.exists():
        write(client_secret, drawn(), user=SERVICES)
    write(folder / "auth/auth_mail_url", given.get("AUTH_MAIL_URL") or "off", user=SERVICES)
    make_for_postgres(folder, given, replaces=replaces)
    make_for_redis(folder, given, replaces=replaces)
    os.chown(folder / "auth", SERVICES, SERVICES)  # `secrets rotate` replaces files there; `serve` only reads


def make_for_postgres(folder: Path, given: Mapping[str, str], *, replaces: bool) -> None:
    for role in ("postgres", *ROLES):
        file = folder / f"database/{role}_password"
        if replaces or not file.exists():
            write(file, drawn(), group=STORES)
    for role, (database, path) in ROLES.items():
        own = f"postgresql+psycopg://{role}:{read(folder / f'database/{role}_password')}@database/{database}"
        write(folder / path, given.get(Path(path).name.upper()) or own, user=SERVICES)


def make_for_redis(folder: Path, given: Mapping[str, str], *, replaces: bool) -> None:
    users = REDIS_USERS
    for name in ("auth", "todo"):
        password, url = folder / f"redis/{name}_redis_password", folder / name / f"{name}_redis_url"
        if replaces or not password.exists():
            # An installation that is older than this file has the password in the URL only.
            earlier = None if replaces or not url.exists() else urlsplit(read(url)).password
            write(password, earlier or drawn())
        own = f"redis://{name}:{read(password)}@redis:6379"
        users += REDIS_USER.format(name=name, digest=hashlib.sha256(read(password).encode()).hexdigest())
        write(url, given.get(f"{name.upper()}_REDIS_URL") or own, user=SERVICES)
    write(folder / "redis/users.acl", users.rstrip(), group=STORES)


def keep_newest(folder: Path, name: str) -> None:
    os.chown(folder / "auth", 0, 0)
    write(folder / "auth" / name, versions_of(folder / "auth" / name)[0], user=SERVICES)
    os.chown(folder / "auth", SERVICES, SERVICES)


def versions_of(file: Path) -> list[str]:
    """The versions of a secret, newest first; one without a number is version 1. Empty if there is no file."""
    versions = re.split(r"[,\n]", read(file)) if file.exists() else []
    return [each if re.match(r"[1-9][0-9]{0,8}:", each) else f"1:{each}" for each in versions]


def drawn_version(versions: list[str]) -> str:
    return f"{max((int(each.partition(':')[0]) for each in versions), default=0) + 1}:{drawn()}"


def drawn() -> str:
    """A random secret of 256 bits in hexadecimal, which every client can send and every URL can hold as it is."""
    secret = secrets.token_hex(32)
    return drawn() if "abcdef" in secret or "0123456789" in secret else secret  # the services take these for examples


def read(file: Path) -> str:
    """The file's content. Root without DAC_OVERRIDE reads only its own files, so it owns the file meanwhile."""
    held = file.stat()
    os.chown(file, 0, held.st_gid)
    try:
        return file.read_text(encoding="utf-8").strip()
    finally:
        os.chown(file, held.st_uid, held.st_gid)


def write(file: Path, content: str, *, user: int = 0, group: int = 0) -> None:
    """Write a file that only its user can read, or its group if one is given, and that nobody can write."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(content + "\n", encoding="utf-8")
    draft.chmod(0o440 if group else 0o400)
    os.chown(draft, user, group or user)
    draft.replace(file)


def main(folder: Path, what: str) -> None:
    given = {name: value for name, value in os.environ.items() if value and name.startswith(("AUTH_", "TODO_"))}
    if what in ("make", "replace"):
        make(folder, given, replaces=what == "replace")
    else:
        keep_newest(folder, {"forget": "auth_key_encryption_keys", "sign-out": "auth_secret"}[what])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "make")
