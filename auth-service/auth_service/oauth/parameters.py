"""Form and query parameters of the OAuth endpoints (RFC 6749 §3.2 and Appendix B)."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from .errors import InvalidRequest

MEDIA_TYPE = "application/x-www-form-urlencoded"
MAX_SIZE = 64 * 1024  # octets of a whole form
MAX_FIELDS = 64
MAX_NAME_LENGTH = 128
REPEATABLE = frozenset({"resource"})  # RFC 8707 §2
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Parameters:
    """The parameters of a request. One that is sent without a value counts as omitted (RFC 6749 §3.2)."""

    def __init__(self, values: Mapping[str, tuple[str, ...]]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """The value of a parameter that may be sent once, or None."""
        values = self._values.get(name)
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a repeatable parameter, in the order of the request."""
        return self._values.get(name, ())

    def require(self, name: str) -> str:
        """The value of the parameter. Raises InvalidRequest, which names it, if it is missing."""
        value = self.get(name)
        if value is None:
            raise InvalidRequest(f"The parameter {name} is missing.")
        return value


def parse_form(octets: bytes) -> Parameters:
    """Read a form strictly: each parameter once, in UTF-8, with nothing that two parsers could read differently.

    Raises:
        InvalidRequest: also if an unknown parameter is repeated, because another parser might take the other value.
    """
    parameters, repeated = parse_with_repeated(octets)
    if repeated:
        raise InvalidRequest("A parameter is repeated.", reason=f"repeated: {min(repeated)[:40]!r}")
    return parameters


def parse_with_repeated(octets: bytes) -> tuple[Parameters, frozenset[str]]:
    """Read a form, and return the names of repeated parameters instead of refusing them; they get no value.

    The authorization endpoint needs this: it sends even this error to the client's redirect_uri.

    Raises:
        InvalidRequest: the form is malformed.
    """
    values: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    repeated: set[str] = set()
    for name, value in _pairs(octets):
        if name in seen and name not in REPEATABLE:
            repeated.add(name)
        seen.add(name)
        if value:
            values[name] = (*values.get(name, ()), value)
    once = {name: value for name, value in values.items() if name not in repeated}
    return Parameters(once), frozenset(repeated)


def _pairs(octets: bytes) -> Iterator[tuple[str, str]]:
    fields = [field for field in octets.split(b"&") if field]
    if len(fields) > MAX_FIELDS:
        raise InvalidRequest("There are too many parameters.")
    for field in fields:
        name, _, value = field.partition(b"=")
        try:
            decoded = decode_form_text(name), decode_form_text(value)
        except ValueError as error:
            raise InvalidRequest("The form is not readable.", reason=str(error)) from None
        if not 0 < len(decoded[0]) <= MAX_NAME_LENGTH:
            raise InvalidRequest("A parameter's name is empty or too long.")
        yield decoded


def decode_form_text(octets: bytes) -> str:
    """Undo the form encoding (RFC 6749 Appendix B). Raises ValueError for a broken escape, other than UTF-8, or NUL."""
    octets = octets.replace(b"+", b" ")
    if b"%" in octets:
        if _BROKEN_ESCAPE.search(octets):
            raise ValueError("a percent sign without two hexadecimal digits")
        octets = unquote_to_bytes(octets)
    text = octets.decode("utf-8")
    if "\0" in text:
        raise ValueError("a NUL character")
    return text
