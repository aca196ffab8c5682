"""Write a file as a whole or not at all, readable and writable by this user only."""

import os
import tempfile
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Replace the file. If that fails, raises OSError and leaves the old file."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
