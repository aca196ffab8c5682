"""One call of a tool: the request and its token, and what the tool raised.

The SDK answers exceptions of a handler itself, and without the reason. So those that concern the HTTP request are
carried around it, to the endpoint.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from fastapi import Request

from atjwt import AccessToken

from ..http.parts import Given, given
from ..limits.turns import Turns
from ..store.database import Database
from ..todos.rooms import Quota


@dataclass(frozen=True)
class ToolParts(Given):
    database: Database
    clock: Callable[[], float]
    quota: Quota
    batch_turns: Turns


@dataclass
class Call:
    """As a context manager it keeps an exception in `failure`, and the block ends without one."""

    request: Request
    token: AccessToken
    failure: Exception | None = field(default=None, init=False)

    @property
    def owner(self) -> str:
        return self.token.sub

    @property
    def parts(self) -> ToolParts:
        return given(self.request, ToolParts)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.parts.clock(), UTC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.failure = error if isinstance(error, Exception) else None
        return self.failure is not None


current: ContextVar[Call] = ContextVar("call")  # the SDK runs handlers in the request's context, or in a copy of it
