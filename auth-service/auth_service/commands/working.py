"""The worker process: the periodic duties, and ports for probes and Prometheus."""

import asyncio
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from urllib.parse import urlsplit

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..events.deliveries import find_backlog
from ..events.sender import EventSender
from ..keys.ring import open_ring
from ..keys.signing import open_status_list_keys, open_token_stores
from ..mail.links import MailedLinks
from ..mail.messages import OUR_COLOUR, Look
from ..mail.sender import MailSender
from ..migrations import HEAD, serves
from ..network.mail_urls import parse_mail_url, parse_sender
from ..network.outbound import Outbound
from ..settings.branding import find_logo
from ..settings.settings import Settings, load_settings
from ..status_lists.lists import CLOSED_MARGIN, replace_and_retire
from ..store.database import Database, open_database
from ..store.instants import Clock, utc_now
from ..telemetry import logs
from ..telemetry.metrics import MEDIA_TYPE, Metric, render
from ..telemetry.private_port import Answer, Give, PrivatePort, listen
from ..telemetry.process_metrics import pool_metrics, process_metrics
from ..worker.duty_metrics import DutyMetrics
from ..worker.expiry import delete_expired, delete_old_events
from ..worker.letters import LetterWriter
from ..worker.mailing import mail_metrics, open_sender
from ..worker.schedule import KeySchedule, Pace, rotate_all_when_due
from ..worker.worker import Duty, perform_duties

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
BACKLOG_TIMEOUT = 2  # seconds; after that the other metrics are served without it

_log = structlog.get_logger(__name__)


def work(host: str, port: int, metrics_port: int | None) -> None:
    settings = load_settings()
    with ExitStack() as listening:
        listeners = [listening.enter_context(listen(host, each)) for each in (port, metrics_port) if each is not None]
        asyncio.run(_work(settings, *listeners))


async def _work(settings: Settings, probes: socket.socket, scrapes: socket.socket | None = None) -> None:
    """Perform the duties until SIGINT or SIGTERM. Raises SchemaMismatch or UnreadableKey before it changes anything."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    database = open_database(settings.database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
        duties = await _assemble(settings, database)
        logs.configure(settings.log_level)
        shown = _Shown(database, DutyMetrics([duty.name for duty in duties]), utc_now)
        async with AsyncExitStack() as serving:
            await serving.enter_async_context(await PrivatePort(shown.health).start(probes))
            if scrapes is not None:
                await serving.enter_async_context(await PrivatePort({"/metrics": shown.metrics}).start(scrapes))
            performing = perform_duties(database, duties, utc_now, stopping, shown.duties)
            [failure] = await asyncio.gather(performing, return_exceptions=True)
            if failure is not None:  # logged here, because Python's own traceback on stderr would hold its text
                _log.error("worker_failed", exc_info=failure)
                sys.exit(1)
    finally:
        await database.close()


async def _assemble(settings: Settings, database: Database) -> list[Duty]:
    secrets = settings.versioned("key_encryption_keys")
    stores = open_token_stores(database, secrets, longest_token_ttl=settings.longest_token_ttl)
    keys = await open_ring(*stores, now=utc_now())
    status_store = open_status_list_keys(database, secrets)
    await status_store.prepare(now=utc_now())
    pace = Pace(settings.key_rotation_interval, settings.key_spare_min_age)
    *schedules, status_schedule = (KeySchedule(database, each, utc_now, pace) for each in (*stores, status_store))
    shown_for, kept = settings.longest_access_token_ttl + CLOSED_MARGIN, settings.audit_max_age
    outbound = Outbound([*map(ip_network, settings.event_networks)], settings.outbound_ca_file)
    sender = EventSender(settings.issuer, database, keys, outbound, utc_now)
    mailing = _open_mailing(settings, database)
    return [
        Duty("expiry", MINUTE, 3 * MINUTE, lambda: delete_expired(database, now=utc_now())),
        Duty("audit trail", HOUR, 3 * MINUTE, lambda: delete_old_events(database, before=utc_now() - kept)),
        Duty("events", SECOND, MINUTE, sender.send_due),
        *(Duty("mail", SECOND, MINUTE, each.send_due) for each in mailing),
        Duty("key rotation", MINUTE, 3 * MINUTE, partial(rotate_all_when_due, schedules)),
        Duty("status list key rotation", MINUTE, 3 * MINUTE, status_schedule.rotate_when_due),
        Duty("status lists", MINUTE, 3 * MINUTE, lambda: replace_and_retire(database, shown_for, now=utc_now())),
    ]


def _open_mailing(settings: Settings, database: Database) -> Sequence[MailSender]:
    """The one sender of mails; none if no mail is sent."""
    target = parse_mail_url(settings.mail_url.get_secret_value())
    if target is None or settings.mail_from is None:
        return ()
    product = settings.product_name or urlsplit(settings.issuer).netloc
    look = Look(product, settings.product_colour or OUR_COLOUR, find_logo(settings))
    links = MailedLinks(settings.versioned("secret"))
    writer = LetterWriter(settings.issuer, look, database, links, utc_now)
    sender = parse_sender(settings.mail_from)
    return (open_sender(database, target, sender, settings.mail_ca_file, writer, utc_now),)


@dataclass(frozen=True)
class _Shown:
    """A worker's answers: GET /livez and /readyz for probes, and /metrics for Prometheus."""

    database: Database
    duties: DutyMetrics
    clock: Clock

    @property
    def health(self) -> Mapping[str, Give]:
        return {"/livez": self._livez, "/readyz": self._readyz}

    async def _livez(self) -> Answer:
        return Answer()

    async def _readyz(self) -> Answer:
        try:
            is_ready = serves(await self.database.revision())
        except (SQLAlchemyError, OSError):
            is_ready = False
        return Answer() if is_ready else Answer("503 Service Unavailable")

    async def metrics(self) -> Answer:
        backlog = await self._find_backlog()
        return Answer(
            text=render((*self.duties, *backlog, *pool_metrics(self.database), *process_metrics())),
            media_type=MEDIA_TYPE,
        )

    async def _find_backlog(self) -> tuple[Metric, ...]:
        """The metrics of undelivered events and mails. None of them if the database does not answer."""
        try:
            async with asyncio.timeout(BACKLOG_TIMEOUT):
                pending, oldest = await find_backlog(self.database)
                mails = await mail_metrics(self.database, now=self.clock())
        except (SQLAlchemyError, OSError):  # a TimeoutError is an OSError
            return ()
        age = 0.0 if oldest is None else (self.clock() - oldest).total_seconds()
        return (
            Metric("auth_outbox_pending", "gauge", "Account events not acknowledged by a receiver", (), {(): pending}),
            Metric("auth_outbox_oldest_age_seconds", "gauge", "Age of the oldest of these events", (), {(): age}),
            *mails,
        )
