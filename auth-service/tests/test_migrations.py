"""The migrations create the schema that the models describe, on both databases."""

import json
import re
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, NullPool, create_engine, inspect

import auth_service
from auth_service import migrations
from auth_service.migrations.tables import import_tables
from auth_service.store.rows import Row

from .conftest import ISSUER, Store
from .registry import API


def test_migrations_make_what_the_models_describe(database_url: str) -> None:
    """Alembic's comparison for a new migration finds no difference."""
    import_tables()
    engine = create_engine(database_url.replace("+aiosqlite", ""), poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        made = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(made, Row.metadata) == []
        inspected = inspect(connection)
        for name, table in Row.metadata.tables.items():
            keys = [(tuple(key["constrained_columns"]), key["options"]) for key in inspected.get_foreign_keys(name)]
            modelled = [(tuple(key.column_keys), _options(key)) for key in table.foreign_key_constraints]
            assert sorted(map(str, keys)) == sorted(map(str, modelled)), name


def test_partial_indexes_have_the_condition_that_their_tables_say(database_url: str) -> None:
    """Alembic compares none. PostgreSQL writes a condition in its own way: with parentheses and the column's type."""
    import_tables()
    engine = create_engine(database_url.replace("+aiosqlite", ""), poolclass=NullPool)
    said = {
        str(index.name): index.info.get("where") for table in Row.metadata.tables.values() for index in table.indexes
    }
    with engine.connect() as connection:
        inspected, made = inspect(connection), {}
        for table in Row.metadata.tables:
            for index in inspected.get_indexes(table):
                options = index.get("dialect_options", {})
                where = options.get("sqlite_where", options.get("postgresql_where"))
                made[index["name"]] = (
                    None if where is None else re.sub(r"::text|::character varying|[()]", "", str(where))
                )
    assert {name for name, where in said.items() if where} == {name for name, where in made.items() if where}
    assert {name: made[name] for name in said} == said


def _options(key: ForeignKeyConstraint) -> dict[str, str]:
    return {name: value for name, value in (("ondelete", key.ondelete), ("onupdate", key.onupdate)) if value}


def test_a_table_is_known_from_its_file_alone() -> None:
    """Every model is found without a hand-kept list. Generated migrations drop the table of a model that is missing."""
    package = Path(auth_service.__file__).parent
    files = (path.read_text() for path in package.rglob("*.py") if "migrations" not in path.parts)
    written = {name for text in files for name in re.findall(r'^    __tablename__ = "(\w+)"$', text, re.MULTILINE)}
    assert {table.__tablename__ for table in import_tables()} == written


def test_every_table_that_expires_says_how_its_rows_go() -> None:
    """A row with `expires_at` stays for ever if nothing deletes it."""
    expiring = {table.__tablename__ for table in import_tables() if "expires_at" in table.__table__.columns}
    declared = {table.__tablename__ for table in import_tables() if table.__expiry__ is not None}
    deleted_otherwise = {
        "authorization_codes",  # kept to detect a second use (worker/expiry.py)
        "browser_sessions",  # end with their grants and status indexes (sessions/browser_sessions.py)
        "event_deliveries",  # deleted or given up by the delivery (events/deliveries.py)
        "leases",  # one row for each duty, used again and again
    }
    assert expiring - deleted_otherwise == declared


def test_what_was_there_before_grants_is_completed(sqlite_url: str) -> None:
    """Migration 0004 sets `auth_time` to the session's start, and clients' origins from their metadata."""
    store = Store(sqlite_url.replace("auth.db", "old.db"))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = store.database_url
    command.upgrade(config, "0003_clients")
    store.execute("INSERT INTO accounts VALUES ('a', 'a@example.com', 0, '', NULL, '2026-01-01', '2026-01-01', NULL)")
    store.execute(
        "INSERT INTO browser_sessions VALUES "
        "('s', 't', 'a', 1, '', '', '2026-01-02 00:00:00', '2026-01-03 00:00:00', '2099-01-01')"
    )
    registered = '{"redirect_uris": ["https://app.example.com/cb", "http://localhost:3000/"]}'
    store.execute(
        f"INSERT INTO clients VALUES ('client_x', '{registered}', NULL, NULL, NULL, '2026-01-01', '2026-01-01')"
    )
    command.upgrade(config, "head")
    assert store.rows("SELECT authenticated_at FROM browser_sessions") == [("2026-01-02 00:00:00",)]
    assert store.rows("SELECT origin FROM client_origins ORDER BY origin") == [
        ("http://localhost:3000",), ("https://app.example.com",),
    ]  # fmt: skip


def test_the_old_default_of_require_pkce_becomes_the_new_one(sqlite_url: str) -> None:
    """Migration 0011. Public clients keep it, and so do clients that need neither a challenge nor a nonce."""
    store = Store(sqlite_url.replace("auth.db", "old.db"))
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = store.database_url
    command.upgrade(config, "0009_delivery_errors")
    for name, method, said in (
        ("a", "client_secret_basic", "true"), ("b", "client_secret_basic", "false"), ("c", "none", "true"),
    ):  # fmt: skip
        registered = f'{{"token_endpoint_auth_method": "{method}", "require_pkce": {said}}}'
        store.execute(
            "INSERT INTO clients (client_id, registered, created_at, updated_at) "
            f"VALUES ('{name}', '{registered}', '2026-01-01', '2026-01-01')"
        )
    command.upgrade(config, "head")
    kept = store.rows("SELECT client_id, registered FROM clients ORDER BY client_id")
    assert [(name, json.loads(text).get("require_pkce")) for name, text in kept] == [
        ("a", None), ("b", False), ("c", True),
    ]  # fmt: skip


def test_a_table_that_is_made_anew_keeps_its_constraints(sqlite_url: str) -> None:
    schema = Store(sqlite_url).rows("SELECT sql FROM sqlite_master WHERE name = 'browser_sessions'")[0][0]
    assert "UNIQUE (token)" in schema
    assert "ON DELETE CASCADE" in schema


def test_what_was_built_in_is_registered_for_a_deployment_that_uses_it(bare_url: str) -> None:
    """Migration 0010 registers the API and the client `web`, and splits consents between the issuer and the API."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["url"] = bare_url
    command.upgrade(config, "0009_delivery_errors")
    store = Store(bare_url)
    store.execute(
        "INSERT INTO accounts (id, email, email_verified, name, created_at, updated_at) "
        "VALUES ('a', 'a@example.com', false, '', '2026-01-01', '2026-01-01')"
    )
    registered = '{"redirect_uris": [], "scope": "openid todos:read"}'
    store.execute(
        "INSERT INTO clients (client_id, registered, created_at, updated_at) "
        f"VALUES ('client_x', '{registered}', '2026-01-01', '2026-01-01')"
    )
    for resource, scope in ((API, '["email", "openid", "todos:read"]'), (ISSUER, '["openid", "profile"]')):
        store.execute(
            "INSERT INTO consents (account_id, client_id, resource, scope, created_at, updated_at) "
            f"VALUES ('a', 'client_x', '{resource}', '{scope}', '2026-01-01', '2026-01-02')"
        )
    migrations.migrate(bare_url, issuer=ISSUER)
    assert store.rows("SELECT resource, scope FROM consents ORDER BY resource") == [
        (ISSUER, '["email", "openid", "profile"]'),
        (API, '["todos:read"]'),
    ]
    assert store.rows("SELECT resource, identity, listed FROM resources") in ([(API, 1, 1)], [(API, True, True)])
    assert store.rows("SELECT scope FROM resource_scopes ORDER BY position") == [("todos:read",), ("todos:write",)]
    shown = json.loads(store.command("clients", "show", "web").stdout)
    assert (shown["scope"], shown["default_resource"]) == ("todos:read todos:write", API)
    assert json.loads(store.command("resources", "show", API).stdout)["name"] == "Todos"


def test_a_new_deployment_begins_without_an_api(bare_url: str) -> None:
    migrations.migrate(bare_url, issuer=ISSUER)
    assert Store(bare_url).rows("SELECT resource FROM resources") == []
