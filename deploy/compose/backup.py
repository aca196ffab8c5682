#!/usr/bin/env python3
"""Back up a system that runs with compose.yaml, and restore it into an empty one.

    python3 deploy/compose/backup.py save DATABASES SECRETS
    python3 deploy/compose/backup.py restore DATABASES SECRETS

Restoring ends all sessions, grants and tokens, because the backup has forgotten the latest sign-outs; it prints what
else the backup may have brought back. If this system has another ISSUER than the saved one, what belongs to the issuer
(its APIs, and clients' resources) is moved to the new name.

DATABASES and SECRETS are folders. Keep them apart: a thief of both can sign tokens. Each database is saved as one
consistent snapshot, while everything runs. COMPOSE_PROJECT_NAME, GATEWAY_PORT and COMPOSE_FILE choose the project, the
port and additional files, as for docker compose itself. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATABASES = ("auth", "todo")
SECRETS = ("auth_secret", "auth_key_encryption_keys")  # not the databases' passwords: each system has its own
PSQL = ("psql", "-U", "postgres", "-X", "-At", "-v", "ON_ERROR_STOP=1")
ALONE = ("run", "--rm", "-T", "--no-deps")
ISSUER = "issuer"  # the file beside the dumps with the name of the saved system
COUNT_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
# Runs in the container auth-commands, which may replace secrets. The secret comes by standard input, because every user
# can read a command line.
WRITE_FILE = """
import pathlib, sys
file = pathlib.Path("/run/secrets") / sys.argv[1]
draft = file.with_suffix(".draft")
draft.unlink(missing_ok=True)
draft.touch(mode=0o600)
draft.write_bytes(sys.stdin.buffer.read())
draft.chmod(0o400)
draft.replace(file)
"""


class Refused(Exception):
    """An expected failure, with the message for the terminal."""


def save(databases: Path, secrets: Path) -> None:
    for folder in (databases, secrets):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in SECRETS:
        keep(secrets / name, compose("exec", "-T", "auth-service", "cat", f"/run/secrets/{name}"))
    for name in DATABASES:
        dumped = compose("exec", "-T", "database", "pg_dump", "-U", "postgres", "--format=custom", name)
        keep(databases / f"{name}.dump", dumped)
    keep(databases / ISSUER, compose("exec", "-T", "auth-service", "printenv", "AUTH_ISSUER"))
    print(f"Saved to {databases} and {secrets}.")


def restore(databases: Path, secrets: Path) -> None:
    dumps = {name: (databases / f"{name}.dump").read_bytes() for name in DATABASES}
    kept = {name: (secrets / name).read_bytes() for name in SECRETS}
    compose("up", "--wait", "database")
    for name in DATABASES:
        if compose("exec", "-T", "database", *PSQL, "-d", name, "-c", COUNT_TABLES).strip() != b"0":
            raise Refused(f"The database {name} is not empty. To delete its content: docker compose down --volumes")
    for name, secret in kept.items():
        compose(*ALONE, "--entrypoint", "python", "auth-commands", "-I", "-c", WRITE_FILE, name, given=secret)
    compose(*ALONE, "auth-commands", "keys", "check", given=signing_keys(dumps["auth"]))
    for name, dump in dumps.items():
        restored = ("pg_restore", "-U", "postgres", "--exit-on-error", "--single-transaction", "-d", name)
        compose("exec", "-T", "database", *restored, given=dump)
    compose("run", "--rm", "-T", "auth-migrations")
    print(compose(*ALONE, "auth-commands", "restore", "--yes").decode(), end="")
    move_issuer(databases / ISSUER)
    compose("up", "--wait")
    print("Restored, and running. See deploy/README.md, Restore, for the lines with a time.")


def move_issuer(file: Path) -> None:
    """Move what was stored under the saved issuer. A backup of an earlier version does not say which that was."""
    here = compose(*ALONE, "--entrypoint", "printenv", "auth-commands", "AUTH_ISSUER").decode().strip()
    saved = file.read_text(encoding="utf-8").strip() if file.exists() else here
    if saved != here:
        print(compose(*ALONE, "auth-commands", "issuer", "move", saved, "--yes").decode(), end="")


def signing_keys(dump: bytes) -> bytes:
    """The encrypted signing keys of a dump, as `keys check` reads them: wrong secrets are noticed before a restore."""
    read = ("pg_restore", "--data-only", "--table=signing_keys", "--file=-")
    lines = iter(compose("exec", "-T", "database", *read, given=dump).decode().splitlines())
    head = next((line for line in lines if line.startswith("COPY public.signing_keys (")), "")
    columns = head.partition("(")[2].partition(")")[0].split(", ")
    rows = [dict(zip(columns, line.split("\t"), strict=True)) for line in takewhile(lambda line: line != r"\.", lines)]
    wanted = ("kid", "encryption_key_version", "encrypted_private_key")
    kept = [{name: row[name].removeprefix(r"\\x") for name in wanted} for row in rows]
    return "".join(json.dumps(row) + "\n" for row in kept).encode()


def keep(file: Path, content: bytes) -> None:
    """Write the whole file or nothing, readable by this user only."""
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)


def compose(*arguments: str, given: bytes = b"") -> bytes:
    command = ["docker", "compose", *arguments]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, check=False)  # noqa: S603 - from here
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise Refused(f"docker compose {' '.join(arguments[:3])} ended with {done.returncode}:\n{said}")
    return done.stdout


def main(arguments: list[str]) -> int:
    verbs = {"save": save, "restore": restore}
    if len(arguments) != 3 or arguments[0] not in verbs:
        print(__doc__, file=sys.stderr)
        return 2
    databases, secrets = Path(arguments[1]), Path(arguments[2])
    try:
        verbs[arguments[0]](databases, secrets)
    except (Refused, OSError) as refused:
        print(f"backup.py: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
