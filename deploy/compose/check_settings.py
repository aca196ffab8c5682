"""Refuse AUTH_, TODO_ and GATEWAY_ settings that compose.yaml hands to no service: Compose itself ignores them.

This is the container `settings`. It checks its environment, into which compose.yaml puts .env.

    python check_settings.py COMPOSE_YAML
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIXES = ("AUTH_", "TODO_", "GATEWAY_")
ONE_FOR_ALL = ("AUTH_ISSUER", "TODO_ISSUER")  # compose.yaml sets them from ISSUER, which the gateway reads, too


def problems(names: Iterable[str], compose_yaml: str) -> list[str]:
    """A line for each of the names that has no effect."""
    known = set(re.findall(r"\b(?:AUTH|TODO|GATEWAY)_[A-Z0-9_]+\b", compose_yaml)).difference(ONE_FOR_ALL)
    found = []
    for name in sorted(names):
        if name in ONE_FOR_ALL:
            found.append(f"{name}: set ISSUER, which all parts read")
        elif name.upper().startswith(PREFIXES) and name not in known:
            meant = difflib.get_close_matches(name.upper(), known, n=1)
            found.append(f"{name}: there is no such setting" + (f"; {meant[0]} is one" if meant else ""))
    return found


if __name__ == "__main__":
    told = problems(os.environ, Path(sys.argv[1]).read_text(encoding="utf-8"))
    sys.exit("\n".join(told) if told else 0)
