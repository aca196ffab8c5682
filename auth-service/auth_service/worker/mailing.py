"""The worker's sender of mails, as the settings say, and its metrics."""

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from pathlib import Path

from ..mail.outbox import count_mails
from ..mail.sender import MailSender
from ..mail.transports import Files, Printed, Transport
from ..network.mail_urls import Console, MailFolder, MailTarget
from ..store.database import Database
from ..store.instants import Clock
from ..telemetry.metrics import Metric
from .letters import LetterWriter


def open_sender(
    database: Database, target: MailTarget, sender: Address, ca_file: Path | None, writer: LetterWriter, clock: Clock
) -> MailSender:
    transport = _open_transport(target, sender, ca_file)
    return MailSender(database, transport, sender, writer.look, writer.write, clock)


def _open_transport(target: MailTarget, sender: Address, ca_file: Path | None) -> Transport:
    if isinstance(target, MailFolder):
        return Files(target)
    if isinstance(target, Console):
        return Printed(target)
    from ..mail.smtp import Smtp  # brings aiosmtplib, which only a worker that sends by SMTP needs

    return Smtp(target, sender, ca_file)


async def mail_metrics(database: Database, *, now: datetime) -> Sequence[Metric]:
    waiting, failed, oldest = await count_mails(database)
    age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())  # some are not due yet
    return (
        Metric("auth_mails_waiting", "gauge", "Mails that are not sent yet", (), {(): waiting}),
        Metric("auth_mails_failed", "gauge", "Mails of the last 7 days that could not be sent", (), {(): failed}),
        Metric("auth_mails_oldest_age_seconds", "gauge", "Age of the oldest mail that waits", (), {(): age}),
    )
