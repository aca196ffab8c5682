"""Durations as operators type them."""

from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from .opened import CommandRefused


def parse_duration(text: str, option: str, least: timedelta, most: timedelta) -> timedelta:
    """Raises CommandRefused unless the text is an ISO 8601 duration from `least` to `most`."""
    try:
        duration = TypeAdapter(timedelta).validate_python(text)
    except ValidationError:
        raise CommandRefused(f"{option} must be an ISO 8601 duration such as PT1H or P1D") from None
    if not least <= duration <= most:
        shortest = f"{int(least.total_seconds())} seconds" if least else "0"
        raise CommandRefused(f"{option} must be between {shortest} and {most.days} days")
    return duration
