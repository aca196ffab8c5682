"""What is wrong with a member or a parameter, in this service's own words.

pydantic finds the errors. Its texts would name our classes and its own terms, and may change with its version.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .problems import FieldError, pointer

_TEXTS = {
    "missing": "is required",
    "extra_forbidden": "is unknown",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "int_parsing": "must be an integer",
    "int_parsing_size": "must be an integer",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} elements",
    "too_long": "must have at most {max_length} elements",
    "union_tag_not_found": "must have the member {discriminator}",
    "union_tag_invalid": "must have one of these as the member {discriminator}: {expected_tags}",
    "value_error": "{error}",  # raised by our own checks
}

_MAX_NAME_LENGTH = 100  # characters of a client's own name for a parameter


def explain(error: Mapping[str, Any]) -> str:
    """The text for one of pydantic's errors. A kind without a text of its own gets one that fits all."""
    return _TEXTS.get(error["type"], "is not as the API's description says").format_map(error.get("ctx", {}))


def of_members(errors: Sequence[Mapping[str, Any]], *, within: str = "") -> Iterator[FieldError]:
    """The errors in a JSON body, with pointers. `within` is the pointer of the value that was checked."""
    for error in errors:
        yield FieldError(pointer=within + pointer(error["loc"]), detail=explain(error))


def of_parameters(errors: Sequence[Mapping[str, Any]]) -> Iterator[FieldError]:
    for error in errors:
        yield FieldError(parameter=str(error["loc"][-1])[:_MAX_NAME_LENGTH], detail=explain(error))
