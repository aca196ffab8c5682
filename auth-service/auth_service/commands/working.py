"""The working process: the duties that no request does, and a port that says whether they are being done."""

import asyncio
import signal
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_network

from sqlalchemy.exc import SQLAlchemyError

from .. import logs
from ..database import Database, open_database
from ..event_sender import EventSender
from ..expiry import delete_expired
from ..instants import utc_now
from ..key_ring import KeyRing
from ..key_schedule import KeySchedule
from ..migrations import HEAD
from ..outbound import Outbound
from ..settings import Settings, load_settings
from ..signing_keys import KeyStore, open_status_list_keys
from ..status_lists import CLOSED_MARGIN, replace_and_retire
from ..worker import Duty, perform_duties

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
REQUEST_TIMEOUT = 5  # seconds


def work(host: str, port: int) -> None:
    settings = load_settings()
    asyncio.run(_work(settings, host, port))


async def _work(settings: Settings, host: str, port: int) -> None:
    """Raises SchemaMismatch, UnreadableKey: nothing is changed."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    database = open_database(settings.database_url.get_secret_value())
    try:
        await database.require_revision(HEAD)
        duties = await _assemble(settings, database)
        logs.configure(settings.log_level)
        async with await asyncio.start_server(_Health(database).answer, host, port):
            await perform_duties(database, duties, utc_now, stopping)
    finally:
        await database.close()


async def _assemble(settings: Settings, database: Database) -> list[Duty]:
    store = KeyStore(database, settings.versioned("key_encryption_keys"), longest_token_ttl=settings.longest_token_ttl)
    keys = KeyRing(store, await store.load_or_create(now=utc_now()))
    status_store = open_status_list_keys(database, settings.versioned("key_encryption_keys"))
    await status_store.load_or_create(now=utc_now())
    schedule, status_schedule = (
        KeySchedule(database, each, utc_now, settings.key_rotation_interval, settings.key_spare_min_age)
        for each in (store, status_store)
    )
    shown_for = settings.access_token_ttl + CLOSED_MARGIN
    outbound = Outbound([*map(ip_network, settings.event_networks)], settings.outbound_ca_file)
    sender = EventSender(settings.issuer, database, keys, outbound, utc_now)
    return [
        Duty("expiry", MINUTE, 3 * MINUTE, lambda: delete_expired(database, now=utc_now())),
        Duty("events", SECOND, MINUTE, sender.send_due),
        Duty("key rotation", MINUTE, 3 * MINUTE, schedule.rotate_when_due),
        Duty("status list key rotation", MINUTE, 3 * MINUTE, status_schedule.rotate_when_due),
        Duty("status lists", MINUTE, 3 * MINUTE, lambda: replace_and_retire(database, shown_for, now=utc_now())),
    ]


class _Health:
    """GET /livez and /readyz, which is all that is asked of a worker: a web framework would be half of its memory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT):  # a TimeoutError is an OSError
                head = await reader.readuntil(b"\r\n\r\n")
                status = await self._status(head.split(b"\r\n", 1)[0])
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
        writer.close()

    async def _status(self, request_line: bytes) -> str:
        match request_line.split(b" "):
            case [b"GET", b"/livez", _]:
                return "200 OK"
            case [b"GET", b"/readyz", _]:
                return "200 OK" if await self._is_ready() else "503 Service Unavailable"
            case _:
                return "404 Not Found"

    async def _is_ready(self) -> bool:
        try:
            return await self._database.revision() == HEAD
        except (SQLAlchemyError, OSError):
            return False
