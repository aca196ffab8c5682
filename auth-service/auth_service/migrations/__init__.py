"""The schema's history (Alembic), and the way to its head.

Alembic is imported only by the command that migrates: a serving process has no use for its 11 MB. What it needs
is the name of the head, and that is the name of the last file.
"""

from pathlib import Path

_HERE = Path(__file__).parent
HEAD = max(path.stem for path in (_HERE / "versions").glob("[0-9]*.py"))
ADVISORY_LOCK = 0x61757468  # "auth": held by who migrates


def serves(revision: str | None) -> bool:
    """Whether a process of this version, that has started, works on that schema: on a newer one it does, too.

    A migration only adds, so that the version before it goes on serving until the new one has taken over.
    """
    return revision is not None and revision >= HEAD


def migrate(url: str) -> None:
    """Bring the schema to HEAD. Safe to run twice, and by several at once: the second waits and finds nothing to do."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = url
    command.upgrade(config, "head")
