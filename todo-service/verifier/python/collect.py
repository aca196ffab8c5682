"""Copies this Python and the libraries that it and the image's packages link to into a folder (Dockerfile)."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

IMAGE = Path(sys.argv[1])
UNUSED = shutil.ignore_patterns(
    *("test", "tests", "idlelib", "turtledemo", "tkinter", "ensurepip", "lib2to3", "pydoc_data", "__pycache__"),
    *("site-packages", "dist-packages", "config-*", "venv", "_testcapi*", "_test*.so", "_ctypes_test*", "turtle.py"),
    "sqlite3",
    "_sqlite3*",
)
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def linked(file: Path) -> list[str]:
    """The shared libraries that a file links to, as ldd names them."""
    ldd = ["/usr/bin/ldd", str(file)]
    told = subprocess.run(ldd, capture_output=True, text=True, check=False).stdout  # noqa: S603 - the image's own program
    return re.findall(r"(/\S+) \(0x", told)


def copy(file: str | Path) -> None:
    place = IMAGE / str(file).lstrip("/")
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(os.path.realpath(file), place)


python = Path(os.path.realpath(sys.executable))
library = Path(sysconfig.get_path("stdlib"))
shutil.copytree(library, IMAGE / str(library).lstrip("/"), ignore=UNUSED, symlinks=False)
copy(python)
for each in [python, *IMAGE.rglob("*.so")]:
    for name in linked(each):
        copy(name)
if AUTHORITIES.exists():
    copy(AUTHORITIES)
(IMAGE / "python").symlink_to(python)
