"""Waiting, the only place where a signal is noticed: no statement is ever torn in two."""

from __future__ import annotations

import time


class Refused(Exception):
    """Something is missing or in the way: what, and what to do next."""


class Interrupted(Exception):
    """Somebody asked us to stop."""


signals: list[int] = []  # received so far; run.py's handlers append


def pause(seconds: float = 0.1) -> None:
    time.sleep(seconds)
    if signals:
        raise Interrupted
