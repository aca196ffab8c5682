"""Columns that name a client. A client_id has at most 255 characters, and these columns have 64.

A client_id may be the URL of a document (oauth/client_documents.py). A column cannot become longer while the version
before serves: PostgreSQL refuses prepared statements when the type of their result has changed. So a longer client_id
is stored as a hash, its key, and beside it as it is, in `client_url`. Values are turned into keys on their way to the
database, so a query may compare any `client_id` column with any client_id.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256

from sqlalchemy import Dialect, SQLColumnExpression, String, Text, TypeDecorator
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column

KEY_LENGTH = 64


def key_of(client_id: str) -> str:
    """What stands in the column: the client_id, or the hash of one that is too long, which is no client's client_id."""
    if len(client_id) <= KEY_LENGTH:
        return client_id
    return f"url_{urlsafe_b64encode(sha256(client_id.encode()).digest()).rstrip(b'=').decode()}"


def url_of(client_id: str | None) -> str | None:
    """What stands in `client_url`: the client_id if it is longer than its key, else None."""
    return None if client_id is None or key_of(client_id) == client_id else client_id


class ClientKey(TypeDecorator[str]):
    """The type of a column that names a client."""

    impl = String(KEY_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else key_of(value)


def client_url() -> MappedColumn[str | None]:
    """The column for a client_id that is longer than its key. What inserts a row gives it as `url_of`."""
    return mapped_column(Text)


class NamesClient:
    """A row of a client. It declares `client_key`, its column `client_id`.

    `client_id` is the client_id of a row that was read, and in a query the column.
    """

    client_key: Mapped[str]
    client_url: Mapped[str | None] = client_url()

    @hybrid_property
    def client_id(self) -> str:
        return self.client_url or self.client_key

    @client_id.inplace.setter
    def _set_client_id(self, client_id: str) -> None:
        self.client_key = key_of(client_id)
        if self.client_key != client_id:
            self.client_url = client_id

    @client_id.inplace.expression
    @classmethod
    def _client_column(cls) -> SQLColumnExpression[str]:
        return cls.client_key
