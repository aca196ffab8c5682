"""What is wrong with a setting, in our own words instead of pydantic's."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

DURATION = "must be an ISO 8601 duration, such as PT5M or P7D"
_TEXTS = {
    "missing": "is required",
    "extra_forbidden": "there is no such setting",
    "time_delta_parsing": DURATION,
    "time_delta_type": DURATION,
    "int_parsing": "must be an integer",
    "int_parsing_size": "must be an integer",
    "int_type": "must be an integer",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "value_error": "{error}",  # raised by our own checks
}


def explain(error: Mapping[str, Any]) -> str:
    """The text for one of pydantic's errors. It never quotes the value, which may be a secret."""
    values = {name: _shown(str(value)) for name, value in error.get("ctx", {}).items()}
    return _TEXTS.get(error["type"], "has a value that is not allowed").format_map(values)


def iso_8601(value: object) -> object:
    """Refuse a text that is no ISO 8601 duration, but would be read as one: `300`, or `00:05:00`."""
    if isinstance(value, str) and not value.startswith("P"):
        raise ValueError(DURATION)
    return value


def _shown(value: str) -> str:
    """A bound as it would be written in the environment: pydantic gives the `repr` of a duration."""
    if not value.startswith("datetime.timedelta("):
        return value
    parts = {unit: int(number) for unit, number in re.findall(r"(days|seconds|microseconds)=([0-9]+)", value)}
    return TypeAdapter(timedelta).dump_json(timedelta(**parts)).decode().strip('"')
