"""Ways to send mails. A transport is opened for a round, and sends several mails one after the other."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from ..network.mail_urls import Console, MailFolder


class NotSent(Exception):
    """A mail was not sent, or nobody knows whether it was.

    Args:
        reason: for operators; without the recipient and without the text.
        is_final: the server refused this mail for good. Trying again is of no use.
        is_sure: the server does not have the mail. Otherwise its answer was lost.
        is_away: the server cannot be used, whatever the mail is.
    """

    def __init__(self, reason: str, *, is_final: bool = False, is_sure: bool = True, is_away: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final
        self.is_sure = is_sure
        self.is_away = is_away


class ClaimLost(Exception):
    """Another worker may be sending this mail. The server does not get it from us."""


HandOver = Callable[[], Awaitable[None]]  # called before the server gets the text; may raise ClaimLost


class Line(Protocol):
    async def send(self, message: EmailMessage, recipient: str, hand_over: HandOver) -> None:
        """Send one mail. Raises NotSent or ClaimLost."""


class Transport(Protocol):
    def opened(self) -> AbstractAsyncContextManager[Line]:
        """A line to send mails on. It connects at the first mail."""


@dataclass(frozen=True)
class Files:
    """One file for each mail, named by its Message-ID. A mail that is sent twice is one file."""

    target: MailFolder

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Line]:
        yield self

    async def send(self, message: EmailMessage, recipient: str, hand_over: HandOver) -> None:
        folder = Path(self.target.path)
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        await hand_over()
        try:
            _write(folder, name, message.as_bytes())
        except OSError as error:
            raise NotSent(f"the folder cannot be written ({type(error).__name__})", is_away=True) from error


def _write(folder: Path, name: str, octets: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{name}.draft"
    draft.touch(mode=0o600)
    draft.write_bytes(octets)
    draft.replace(folder / f"{name}.eml")


@dataclass(frozen=True)
class Printed:
    """Mails on standard error."""

    target: Console

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Line]:
        yield self

    async def send(self, message: EmailMessage, recipient: str, hand_over: HandOver) -> None:
        await hand_over()
        text = message.get_body(("plain",))
        body = "" if text is None else text.get_content()
        sys.stderr.write(f"To: {message['To']}\nSubject: {message['Subject']}\n\n{body}\n")
        sys.stderr.flush()
