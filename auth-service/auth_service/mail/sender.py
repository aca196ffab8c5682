"""Sending of the outbox. A mail is claimed before its server is asked anything, and never handed over a third time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address

import structlog

from ..store.database import Database
from ..store.instants import Clock
from .letters import Letter
from .messages import Envelope, Look, compose
from .outbox import MAX_HANDED_OVER, OutgoingMail, claim, fail, finish, hand_over, postpone
from .transports import ClaimLost, Line, NotSent, Transport

CLAIM_TTL = timedelta(minutes=5)  # longer than all timeouts of one mail together
ROUND = 100  # mails of one round, so that the duty's lease is renewed in time
FIRST_REST, LAST_REST = timedelta(seconds=5), timedelta(minutes=1)  # while the server is away
UNSURE = "handed over twice without an answer: it may have arrived"
_log = structlog.get_logger(__name__)

Write = Callable[[OutgoingMail], Awaitable[Letter | None]]


@dataclass
class Rest:
    """While the server is away, one mail is tried after each rest, instead of every one that is due."""

    until: datetime | None = None
    pause: timedelta = FIRST_REST

    def begin(self, now: datetime) -> None:
        self.until, self.pause = now + self.pause, min(2 * self.pause, LAST_REST)

    def end(self) -> None:
        self.until, self.pause = None, FIRST_REST


@dataclass(frozen=True)
class MailSender:
    database: Database
    transport: Transport
    sender: Address
    look: Look
    write: Write  # the words of a mail; None: there is nobody to send it to
    clock: Clock
    rest: Rest = field(default_factory=Rest)

    async def send_due(self) -> None:
        """Send what is due, at most ROUND mails. A failed one is tried again later, or given up."""
        if self.rest.until is not None and self.clock() < self.rest.until:
            return
        async with self.transport.opened() as line:
            for _ in range(ROUND):
                mail = await claim(self.database, lasting=CLAIM_TTL, now=self.clock())
                if mail is None or not await self._send(mail, line):
                    return

    async def _send(self, mail: OutgoingMail, line: Line) -> bool:
        """Send one mail. False: the server is away, so the others have to wait."""
        now = self.clock()
        if mail.handed_over >= MAX_HANDED_OVER:
            await self._fail(mail, UNSURE)
            return True
        if now >= mail.send_before:
            await self._fail(mail, mail.last_error or "no worker sent it in time")
            return True
        letter = await self.write(mail)
        if letter is None:
            await finish(self.database, mail)
            return True
        envelope = Envelope(mail.id, self.sender, mail.recipient, mail.created_at)
        message = compose(letter, envelope, self.look)

        async def handing_over() -> None:
            if not await hand_over(self.database, mail):
                raise ClaimLost

        try:
            await line.send(message, mail.recipient, handing_over)
        except ClaimLost:
            return True
        except NotSent as failure:
            return await self._not_sent(mail, failure)
        self.rest.end()
        await finish(self.database, mail)
        _log.info("mail_sent", mail_id=mail.id, kind=mail.kind, attempts=mail.attempts)
        return True

    async def _not_sent(self, mail: OutgoingMail, failure: NotSent) -> bool:
        if failure.is_final:
            await self._fail(mail, failure.reason)
            return True
        if not failure.is_sure and mail.handed_over + 1 >= MAX_HANDED_OVER:
            await self._fail(mail, UNSURE)
            return True
        facts = {"mail_id": mail.id, "kind": mail.kind, "attempts": mail.attempts, "reason": failure.reason}
        _log.warning("mail_not_sent", **facts, answer_lost=not failure.is_sure)
        await postpone(self.database, mail, failure.reason, is_sure=failure.is_sure, now=self.clock())
        if failure.is_away:
            self.rest.begin(self.clock())
        return not failure.is_away

    async def _fail(self, mail: OutgoingMail, reason: str) -> None:
        _log.error("mail_failed", mail_id=mail.id, kind=mail.kind, attempts=mail.attempts, reason=reason)
        await fail(self.database, mail, reason, now=self.clock())
