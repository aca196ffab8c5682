"""The schema's history (Alembic), and the way to its head.

Alembic is imported only by the command that migrates: a serving process has no use for its 11 MB. What it needs
is the name of the head, and that is the name of the last file.
"""

from pathlib import Path

_HERE = Path(__file__).parent
HEAD = max(path.stem for path in (_HERE / "versions").glob("[0-9]*.py"))


def migrate(url: str) -> None:
    """Bring the schema to HEAD. Safe to run twice, and by several at once: the second waits and finds nothing to do."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = url
    command.upgrade(config, "head")
