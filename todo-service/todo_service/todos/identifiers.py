"""Ids of todos: UUIDv7 (RFC 9562 §5.7), so that the order of ids is the order of making."""

import secrets
import uuid


def new_id(now: float) -> uuid.UUID:
    """A fresh id. The twelve bits after the milliseconds count parts of one (RFC 9562 §6.2, method 3)."""
    milliseconds, part = divmod(int(now * 1000 * 4096), 4096)
    value = (milliseconds & (2**48 - 1)) << 80 | 7 << 76 | part << 64 | 2 << 62 | secrets.randbits(62)
    return uuid.UUID(int=value)


def parse_id(text: str) -> uuid.UUID | None:
    """The id, or None for any text that is not one in its usual form (`uuid.UUID` also takes braces and the like)."""
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None
