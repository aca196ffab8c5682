"""Where a list goes on: opaque to the client, signed, and good for the list of one owner only.

A cursor names the last todo that was shown, not a count of them, so that todos made or deleted in between make it
neither skip nor repeat. The key is in the database: restarts and replicas agree on it.
"""

import base64
import binascii
import hmac
import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from todo_service.todos.table import cursor_key

MAX_LENGTH = 100
_LIST = b"todos, newest first"  # a list with another order or filter must refuse this one's cursors
_MAC_LENGTH = 16


class InvalidCursor(Exception):
    """Not made here, or for another list."""


async def get_key(connection: AsyncConnection) -> bytes:
    secret: bytes = (await connection.execute(select(cursor_key.c.secret))).scalar_one()
    return bytes(secret)


def render(key: bytes, owner: str, last: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes + _mac(key, owner, last.bytes)).decode().rstrip("=")


def verify(key: bytes, owner: str, cursor: str) -> uuid.UUID:
    """Return the id to go on after, or raise InvalidCursor."""
    try:
        decoded = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidCursor from None
    last, mac = decoded[:16], decoded[16:]
    if len(last) != 16 or not hmac.compare_digest(mac, _mac(key, owner, last)):
        raise InvalidCursor
    return uuid.UUID(bytes=last)


def _mac(key: bytes, owner: str, last: bytes) -> bytes:
    return hmac.digest(key, b"\0".join((_LIST, last, owner.encode())), "sha256")[:_MAC_LENGTH]
