"""The prefix of the names of all settings of the gateway, and the error for an invalid value."""

from __future__ import annotations

PREFIX = "GATEWAY_"


class InvalidSetting(ValueError):
    """A setting that nginx would reject, or would understand in another way than the operator."""


def whole_number(name: str, text: str) -> int:
    """The number that a setting gives.

    Raises:
        InvalidSetting: the text has anything but ASCII digits.
    """
    if not text.isascii() or not text.isdecimal():
        raise InvalidSetting(f"{name}: {text!r} is not a whole number, 0 or greater")
    return int(text)


def listed(text: str) -> list[str]:
    """The items of a comma-separated setting."""
    return [each.strip() for each in text.split(",") if each.strip()]
