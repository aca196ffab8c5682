"""The folder of this program, and files in it that only their owner can read."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .failures import Failure

HOME = "TODOS_HOME"  # environment variable: another folder, for tests and for a second account


def folder() -> Path:
    """The folder, made if it is missing (0700): $TODOS_HOME, else `todo` in the place that the system has for such."""
    if named := os.environ.get(HOME):
        path = Path(named)
    elif sys.platform == "win32":
        path = Path(os.environ.get("APPDATA", Path.home())) / "todo"
    else:
        path = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "todo"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write(path: Path, text: str) -> None:
    """Replace the file as a whole. It has the mode 0600 from its first octet on."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # with 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: Path) -> str | None:
    """The text of a file, or None. A file that others may read is refused, because its secrets may be known."""
    try:
        with path.open(encoding="utf-8") as file:
            if sys.platform != "win32" and os.fstat(file.fileno()).st_mode & 0o077:
                raise Failure(f"{path} can be read by others. Delete it, and sign in again: todo login")
            return file.read()
    except FileNotFoundError:
        return None


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold a lock of the folder: one process at a time. The system releases it when the process ends, however it ends.

    The lock `copy` is taken before `tokens`, never after it.
    """
    descriptor = os.open(folder() / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        while True:
            with suppress(OSError):  # it gives up after ten seconds
                msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
                return
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
