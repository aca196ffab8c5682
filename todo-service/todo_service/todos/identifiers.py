"""Ids of todos: UUIDv7 (RFC 9562 §5.7), so that ids sort in the order of creation."""

import secrets
import uuid


def new_id(now: float) -> uuid.UUID:
    """A new id. The twelve bits after the milliseconds hold 4096ths of a millisecond (RFC 9562 §6.2, method 3)."""
    milliseconds, part = divmod(int(now * 1000 * 4096), 4096)
    value = (milliseconds & (2**48 - 1)) << 80 | 7 << 76 | part << 64 | 2 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def parse_id(text: str) -> uuid.UUID | None:
    """The id, or None if the text is not a UUID in the usual form. `uuid.UUID` alone also accepts braces and others."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
