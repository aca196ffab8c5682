"""Pauses that differ, so that replicas do not march in step."""

import random

# The system's source: `random`'s own state belongs to whoever seeds it (a property-based test finds it changed).
_RANDOM = random.SystemRandom()


def jittered(seconds: float, least: float, most: float) -> float:
    """`seconds`, times something between `least` and `most`."""
    return seconds * _RANDOM.uniform(least, most)
