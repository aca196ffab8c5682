"""A file that holds a versioned secret. It is replaced atomically: a reader sees the old content or the new."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE

from .versioned_secrets import Secrets, parse_secrets, render_secrets


def replace_secrets(path: Path, change: Callable[[Secrets], Secrets]) -> Secrets:
    """Replace the secrets in the file by `change(secrets)`, and return them. They are on disk when this returns.

    A lock makes concurrent calls take turns, so that no secret is lost. The file keeps its mode and its owner.

    Raises:
        OSError, ValueError: the file is unchanged.
    """
    path = path.resolve()  # replace a link's target, not the link
    with _locked(path.parent) as folder:
        changed = change(parse_secrets(path.read_text(encoding="utf-8")))
        written = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            _write(written, render_secrets(changed), like=path.stat())
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
        os.fsync(folder)
    return changed


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _write(path: Path, text: str, *, like: os.stat_result) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, S_IMODE(like.st_mode))
        file.write(text)
        file.flush()
        os.fsync(descriptor)
