"""Alembic's environment. It uses the connection on which `migrate` holds the lock."""

from alembic import context

from todo_service.todos.table import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # most changes in SQLite need a new table and a copy of the rows
)
with context.begin_transaction():
    context.run_migrations()
