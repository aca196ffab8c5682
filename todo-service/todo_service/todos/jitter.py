"""Random pauses, so that replicas do not all send at the same moment."""

import random

# The system's source: a property-based test may seed the state of `random` itself, and would find it changed.
_RANDOM = random.SystemRandom()


def jittered(seconds: float, least: float, most: float) -> float:
    """`seconds` times a random factor from `least` to `most`."""
    return seconds * _RANDOM.uniform(least, most)
