"""Migrations: the schema's history (Alembic), run by the `migrate` command and never by `serve`.

    env.py      Alembic's environment, on the connection that holds the lock
    versions/   one file per step, by number

`migrate` runs the missing steps. It may run twice, and in several processes at once: one works, the others wait. On
PostgreSQL it then grants the serving role its rights. That role owns no table, so it cannot turn row-level security
off. A step that has to wait five seconds for a table gives up. `HEAD` is the newest number, read from the file names.
Alembic is imported by `migrate` only, since it takes 11 MB.

The commands and assembly.py import this room.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

_HERE = Path(__file__).parent
HEAD = max(path.stem.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*.py"))
_ADVISORY_LOCK = 0x746F646F  # "todo"
# While a migration waits for a table, all later statements on it wait, too. So the migration gives up after this time.
_LOCK_TIMEOUT = 5000  # milliseconds


# The rights of the serving role. It owns no table, so it cannot turn a policy off.
_GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON todos, lists, owners, idempotency_keys TO {}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON members, invitations, departures TO {}",
    "GRANT SELECT, INSERT, DELETE ON received_events TO {}",
    "GRANT SELECT, UPDATE ON leases TO {}",
    "GRANT SELECT ON cursor_key, alembic_version TO {}",
)


def migrate(database_url: str, serving_url: str | None = None) -> None:
    """Run the missing steps. Several processes may call this at once: one works, the others wait and find it done.

    On PostgreSQL, if `serving_url` has another role, grant that role what `serve` needs.
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
            from psycopg.sql import SQL, Identifier  # psycopg takes 8 MB, which `serve` does not need with SQLite

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
