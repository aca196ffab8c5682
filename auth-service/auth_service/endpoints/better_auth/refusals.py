"""Refusals of the Better Auth protocol: `{"message": ..., "code": ...}` at the top level of the body."""

import json
from datetime import timedelta

from fastapi import Response
from pydantic import BaseModel


class RefusalBody(BaseModel):
    message: str
    code: str | None = None


class Refusal(Exception):
    """A response with an error. `reason` is for the log only."""

    def __init__(self, status: int, code: str | None, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.reason = reason

    def render(self) -> Response:
        body = {"message": self.message} | ({"code": self.code} if self.code else {})
        return Response(json.dumps(body), self.status, {"Cache-Control": "no-store"}, "application/json")


class TooManyRequests(Refusal):
    """A 429 with the header of HTTP and with `X-Retry-After`, which the Better Auth client reads."""

    def __init__(self, retry_after: timedelta, *, reason: str = "") -> None:
        super().__init__(429, None, "Too many requests. Please try again later.", reason=reason)
        self.retry_after = retry_after

    def render(self) -> Response:
        response = super().render()
        seconds = str(max(1, -(-self.retry_after // timedelta(seconds=1))))
        response.headers["Retry-After"] = response.headers["X-Retry-After"] = seconds
        return response


def unauthorized() -> Refusal:
    """The refusal of a request without a live session."""
    return Refusal(401, "UNAUTHORIZED", "Unauthorized")
