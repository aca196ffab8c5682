"""Migrations: the schema's history (Alembic), and the way to its newest version.

    env.py      Alembic's environment: one connection, under a lock that lets one process migrate at a time
    tables.py   `import_tables`: every table of this version, found in the rooms
    versions/   one file per step, by number; the last file's name is `HEAD`

`migrate` runs the missing steps; it may run twice, and in several processes at once. A serving process does not import
Alembic, which takes 11 MB: it compares the database's revision with `HEAD` (`serves`). A step only adds, so that the
version before it can serve until the new one has taken over.

assembly.py imports `HEAD`, health checks import `serves`, the command `migrate` imports `migrate`, and the worker
imports `import_tables` to delete what has expired.
"""

from pathlib import Path

_HERE = Path(__file__).parent
HEAD = max(path.stem for path in (_HERE / "versions").glob("[0-9]*.py"))
ADVISORY_LOCK = 0x61757468  # "auth": held by the process that migrates


def serves(revision: str | None) -> bool:
    """Whether a running process of this version can serve on that schema: its own one, or a newer one.

    A migration only adds, so the version before it keeps serving until the new one has taken over.
    """
    return revision is not None and revision >= HEAD


def migrate(url: str, *, issuer: str | None = None) -> None:
    """Bring the schema to HEAD. Safe to run twice, and by several at once: the second waits and finds nothing to do.

    Args:
        issuer: what a step needs that registers what an older version had built in. Without it, that step adds no row.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["url"] = url
    config.attributes["issuer"] = issuer
    command.upgrade(config, "head")
