"""Cursors for lists, and sync tokens: opaque to the client, signed, and valid for one owner and one list only.

A cursor names the last todo of a page, not how many todos were listed. So the next page neither skips nor repeats todos
when others are created or deleted in between. The key is in the database, where all processes find it.
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
    """The cursor was not made by this service, or is for another list or owner."""


async def get_key(connection: AsyncConnection) -> bytes:
    secret: bytes = (await connection.execute(select(cursor_key.c.secret))).scalar_one()
    return bytes(secret)


def render(key: bytes, owner: str, of: str, place: str) -> str:
    """A cursor for `place` in the list that `of` describes by its order and filters."""
    signed = _mac(key, owner, of, place.encode()) + place.encode()
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def verify(key: bytes, owner: str, of: str, cursor: str) -> str:
    """Return the place that the cursor names, or raise InvalidCursor."""
    try:
        signed = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor from None
    mac, place = signed[:_MAC_LENGTH], signed[_MAC_LENGTH:]
    if not hmac.compare_digest(mac, _mac(key, owner, of, place)):
        raise InvalidCursor
    return place.decode()


def _mac(key: bytes, owner: str, of: str, place: bytes) -> bytes:
    # Neither owners nor descriptions of lists contain a NUL, so different arguments give different texts.
    return hmac.digest(key, b"\0".join((of.encode(), owner.encode(), place)), "sha256")[:_MAC_LENGTH]
