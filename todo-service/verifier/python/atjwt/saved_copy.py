"""The files for a start without the issuer, each written as a whole or not at all, for this user only."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class SavedCopies:
    """Files for a start without the issuer. None: that document is not saved."""

    keys: Path | None = None
    status_lists: Path | None = None
    metadata: Path | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        return cls(folder / "keys.json", folder / "status_lists.json", folder / "metadata.json")


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
