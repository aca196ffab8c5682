"""A PostgreSQL server for a test run: a container if an engine has the image, otherwise Debian's server.

It is set up for speed: its data need not survive a crash.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from .ports import free_port
from .waiting import wait_until

FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "jit=off")
IMAGE = "postgres:17"


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run the server; yield the URL of its first database."""
    with _in_container() if has_image(IMAGE) else _installed() as url:
        yield url


@contextmanager
def made_database(server: str, name: str = "", template: str = "template1") -> Iterator[str]:
    """The URL of a new database, deleted at the end."""
    name = name or f"made_{secrets.token_hex(6)}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield f"{server.rpartition('/')[0]}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def has_image(name: str) -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, timeout=120).returncode == 0


@contextmanager
def _in_container() -> Iterator[str]:
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    from testcontainers.community.postgres import PostgresContainer

    described = PostgresContainer(IMAGE, driver="psycopg")
    command = ["postgres", *(word for option in FORGETFUL for word in ("-c", option))]
    with described.with_command(command).with_tmpfs_mount("/var/lib/postgresql/data") as container:
        yield container.get_connection_url()


@contextmanager
def _installed() -> Iterator[str]:
    """Debian's server in a folder of its own. PostgreSQL refuses to run as root, so root runs it as `postgres`."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        missing = "PostgreSQL: neither a Docker engine with postgres:17 nor Debian's postgresql package is here"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    folder = Path(tempfile.mkdtemp(prefix="auth-service-postgres-"))
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    run = [*as_user, str(binaries[-1] / "initdb"), "-D", f"{folder}/data", "-U", "test", "-A", "trust", "-N"]
    subprocess.run(run, check=True, capture_output=True)
    options = ["-p", str(port), "-k", str(folder)]
    for option in ("listen_addresses=127.0.0.1", *FORGETFUL):
        options += ["-c", option]
    server = subprocess.Popen(
        [*as_user, str(binaries[-1] / "postgres"), "-D", f"{folder}/data", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _accepts(port))
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # SIGTERM would wait until all clients have disconnected
        server.wait(60)
        shutil.rmtree(folder)


def _accepts(port: int) -> bool:
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="test", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
