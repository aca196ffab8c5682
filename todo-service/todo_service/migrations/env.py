"""Alembic's environment: on the connection that `migrate` holds the lock with."""

from alembic import context

from todo_service.todos.table import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters most things only by making the table anew
)
with context.begin_transaction():
    context.run_migrations()
