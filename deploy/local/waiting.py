"""Waiting. Signals are noticed only here, so they never interrupt a statement halfway."""

from __future__ import annotations

import time


class Refused(Exception):
    """run.py cannot go on; the message says what is missing or in the way, and what to do next."""


class Interrupted(Exception):
    """A signal asked run.py to stop."""


signals: list[int] = []  # received so far; run.py's handlers append


def pause(seconds: float = 0.1) -> None:
    time.sleep(seconds)
    if signals:
        raise Interrupted
