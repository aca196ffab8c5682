"""Alembic's environment: one synchronous connection, under a lock that lets one process migrate at a time."""

from datetime import timedelta
from typing import Any

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text

from auth_service.accounts import accounts
from auth_service.clients import assertions as client_assertions
from auth_service.clients import clients
from auth_service.clients import origins as client_origins
from auth_service.grants import authorization_requests, consents, grants, logout_requests
from auth_service.keys import signing as signing_keys
from auth_service.limits import attempts
from auth_service.migrations import ADVISORY_LOCK
from auth_service.sessions import browser_sessions
from auth_service.status_lists import lists as status_lists
from auth_service.store import leases
from auth_service.store.database import LOCK_TIMEOUT, Row
from auth_service.tokens import authorization_codes, refresh_tokens

TABLES = (
    accounts,
    attempts,
    authorization_codes,
    authorization_requests,
    browser_sessions,
    client_assertions,
    client_origins,
    clients,
    consents,
    grants,
    leases,
    logout_requests,
    refresh_tokens,
    signing_keys,
    status_lists,
)  # imported so that their tables are known to Row.metadata
# Whoever asks for a table while a migration waits for it waits behind it: so it gives up soon, and changes nothing.
LOCK_TIMEOUT_FOR_TABLES = timedelta(seconds=5)


def run(connection: Connection) -> None:
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
            connection.isolation_level = None  # the driver begins no transaction behind our back
            connection.execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT.total_seconds() * 1000)}")

    return engine


# One transaction, begun by what others have to wait for: the whole migration is seen, or nothing of it.
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
