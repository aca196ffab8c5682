"""Alembic's environment: one synchronous connection, under a lock so that only one process migrates at a time."""

from datetime import timedelta
from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from auth_service.migrations import ADVISORY_LOCK
from auth_service.migrations.tables import import_tables
from auth_service.store.database import LOCK_TIMEOUT
from auth_service.store.rows import Row

# Requests for a table queue behind a migration that waits for that table. So the migration gives up soon, unchanged.
LOCK_TIMEOUT_FOR_TABLES = timedelta(seconds=5)


def run(connection: Connection) -> None:
    import_tables()  # so that Row.metadata is whole: autogenerate would drop a table that it lacks
    context.configure(connection=connection, target_metadata=Row.metadata, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def synchronous_url(url: str) -> str:
    parsed = make_url(url)
    return parsed.set(
        drivername="sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+psycopg"
    ).render_as_string(hide_password=False)


def open_engine(url: str) -> Engine:
    engine = create_engine(synchronous_url(url), hide_parameters=True)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def on_connect(connection: Any, record: object) -> None:
            connection.isolation_level = None  # stops the driver from beginning transactions itself
            connection.execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT.total_seconds() * 1000)}")

    return engine


# One transaction, which begins by taking the lock: other processes see the whole migration or nothing.
engine = open_engine(context.config.attributes["url"])
try:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            milliseconds = int(LOCK_TIMEOUT_FOR_TABLES.total_seconds() * 1000)
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")
        run(connection)
        connection.commit()
finally:
    engine.dispose()
