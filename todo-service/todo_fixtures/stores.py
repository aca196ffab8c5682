"""Databases for the tests: a SQLite file, and PostgreSQL in a container or as the installed server."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

IMAGE = "postgres:17"


class NoPostgres(Exception):
    """This machine has neither the image nor an installed PostgreSQL."""


@contextmanager
def postgres(*, is_durable: bool = False) -> Iterator[str]:
    """The URL of an empty database: in a container if Docker has the image, otherwise on the installed server.

    Tests do not wait for the disk, unless `is_durable`: then a commit is on it, as in a deployment.
    """
    setting = f"fsync={'on' if is_durable else 'off'}"
    if _engine_has_image():
        yield from _in_container(setting)
    else:
        yield from _installed(setting)


SERVING_ROLE = "todo_serving"


def create_serving_role(url: str) -> None:
    """Create the serving role, which owns no table, as a deployment should."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (SERVING_ROLE,)).fetchone():
            connection.execute(f"CREATE ROLE {SERVING_ROLE} LOGIN PASSWORD 'serving'".encode())


def serving_url(url: str) -> str:
    """The URL of the same database for the serving role."""
    return make_url(url).set(username=SERVING_ROLE, password="serving").render_as_string(hide_password=False)


def _engine_has_image() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, timeout=120).returncode == 0


def _in_container(setting: str) -> Iterator[str]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # that image may not be available
    from testcontainers.community.postgres import PostgresContainer

    with PostgresContainer(IMAGE, driver="psycopg").with_command(f"postgres -c {setting}") as container:
        yield container.get_connection_url()


def _installed(setting: str) -> Iterator[str]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise NoPostgres("no PostgreSQL is installed, and Docker has no postgres:17")
    directory = Path(tempfile.mkdtemp(prefix="todo-postgres-"))
    user = _user()
    as_user: dict[str, Any] = {"cwd": directory}
    if os.getuid() == 0:
        as_user |= {"user": user.pw_uid, "group": user.pw_gid}
    os.chown(directory, user.pw_uid, user.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    initdb = [str(programs[-1]), "-D", str(directory / "data"), "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, capture_output=True, **as_user)
    options = ["-D", str(directory / "data"), "-p", str(port), "-k", str(directory), "-c", setting]
    server = subprocess.Popen([str(programs[-1].with_name("postgres")), *options], stderr=subprocess.DEVNULL, **as_user)
    try:
        _wait(port)
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # SIGTERM would wait until all clients disconnect
        server.wait(60)
        shutil.rmtree(directory)


def _user() -> pwd.struct_passwd:
    """The user that runs the server; PostgreSQL refuses to run as root."""
    return pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(f"postgresql://test@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
