"""Where a list or a client's copy goes on: opaque to the client, signed, and good for one owner's one list only.

A cursor names the last todo that was shown, not a count of them, so that todos made or deleted in between make it
neither skip nor repeat. The key is in the database: restarts and replicas agree on it.
"""

import base64
import binascii
import hmac

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from .table import cursor_key

MAX_LENGTH = 400
_MAC_LENGTH = 16


class InvalidCursor(Exception):
    """Not made here, or for another list."""


async def get_key(connection: AsyncConnection) -> bytes:
    secret: bytes = (await connection.execute(select(cursor_key.c.secret))).scalar_one()
    return bytes(secret)


def render(key: bytes, owner: str, of: str, place: str) -> str:
    """A cursor to `place` in the list that `of` describes: its order and its filters."""
    signed = _mac(key, owner, of, place.encode()) + place.encode()
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def verify(key: bytes, owner: str, of: str, cursor: str) -> str:
    """Return the place to go on after, or raise InvalidCursor."""
    try:
        signed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor from None
    mac, place = signed[:_MAC_LENGTH], signed[_MAC_LENGTH:]
    if not hmac.compare_digest(mac, _mac(key, owner, of, place)):
        raise InvalidCursor
    return place.decode()


def _mac(key: bytes, owner: str, of: str, place: bytes) -> bytes:
    # Neither owners nor descriptions of lists hold a NUL, so no two of these can be the same text.
    return hmac.digest(key, b"\0".join((of.encode(), owner.encode(), place)), "sha256")[:_MAC_LENGTH]
