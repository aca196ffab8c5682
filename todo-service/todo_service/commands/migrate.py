"""`migrate`: bring the database to the newest schema, and grant the serving role its rights."""

from sqlalchemy.exc import SQLAlchemyError

from ..migrations import migrate as run
from ..settings.settings import load_settings
from .refused import CommandRefused, first_line


def migrate() -> None:
    """Run the command. Raises InvalidSettings and CommandRefused."""
    settings = load_settings()
    serving = settings.database_url.get_secret_value()
    owner = settings.migration_database_url
    try:
        run(serving if owner is None else owner.get_secret_value(), serving)
    except (SQLAlchemyError, OSError) as error:
        raise CommandRefused(f"cannot migrate: {first_line(error)}") from error
