"""Migrations: the schema's history (Alembic), run by a command of its own and never by serving.

    env.py      Alembic's environment, on the connection that holds the lock
    versions/   one file per step, by number

`migrate` runs the missing steps; it may run twice, and in several processes at once: one works, the others wait. On
PostgreSQL it then grants the serving role what serving takes, so that role owns no table and cannot turn row-level
security off. A step that waits five seconds for a table gives up. `HEAD` is the newest number, read from the files'
names; Alembic itself is imported by `migrate` alone, since serving has no use for its 11 MB.

The commands and assembly.py import this room.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.sql import SQL, Identifier
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

_HERE = Path(__file__).parent
HEAD = max(path.stem.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))
_ADVISORY_LOCK = 0x746F646F  # "todo"
# Whoever asks for a table while a migration waits for it waits behind it: so it gives up soon, and changes nothing.
_LOCK_TIMEOUT = 5000  # milliseconds


# What the serving role may do: it owns nothing, so it cannot turn a policy off.
_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON todos, owners, idempotency_keys TO {}",
    "GRANT SELECT, INSERT, DELETE ON received_events TO {}",
    "GRANT SELECT, UPDATE ON leases TO {}",
    "GRANT SELECT ON cursor_key, alembic_version TO {}",
)


def migrate(database_url: str, serving_url: str | None = None) -> None:
    """Run what is missing. Safe to run twice, and by several at once: one works, the others wait and find it done.

    On PostgreSQL the role of `serving_url`, where it is another one, is then granted what serving takes.
    """
    url = make_url(database_url)
    if url.drivername == "sqlite+aiosqlite":
        with _file_lock(Path(f"{url.database}.migrate-lock")):
            _upgrade(url.set(drivername="sqlite"), None)
    else:
        _upgrade(url, None if serving_url is None else make_url(serving_url).username)


def _upgrade(url: URL, serving_role: str | None) -> None:
    from alembic import command
    from alembic.config import Config

    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        _advisory_lock(engine, connection)  # until the connection closes
        config = Config()
        config.set_main_option("script_location", str(_HERE))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if serving_role is not None and serving_role != url.username:
            for grant in _GRANTS:
                connection.exec_driver_sql(SQL(grant).format(Identifier(serving_role)).as_string())
        connection.commit()


def _advisory_lock(engine: Engine, connection: Connection) -> None:
    if engine.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        connection.exec_driver_sql(f"SET lock_timeout = {_LOCK_TIMEOUT}")
        connection.commit()


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
