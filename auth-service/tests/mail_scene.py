"""A service that sends mail, and a worker's sender in the test's own process, with a clock that can be moved."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import pytest

from auth_service.mail.kinds import Kind
from auth_service.mail.links import MailedLinks
from auth_service.mail.messages import Look
from auth_service.mail.outbox import Outbox
from auth_service.mail.sender import MailSender
from auth_service.mail.smtp import Smtp
from auth_service.network.mail_urls import SmtpServer, parse_mail_url, parse_sender
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database, open_database
from auth_service.worker.letters import LetterWriter
from auth_service.worker.mailing import open_sender

from .conftest import ISSUER, SECRET, Clock, Running, Store, serve
from .postgres_server import made_database
from .smtp_server import PASSWORD, USER, SmtpProcess

T = TypeVar("T")
SENDER = parse_sender("Example <no-reply@example.com>")
SHORT = timedelta(seconds=1)  # for a server that stalls


@dataclass
class Mailroom:
    store: Store
    url: str
    ca_file: Path | None = None
    clock: Clock = field(default_factory=Clock)
    timeout: timedelta = timedelta(seconds=60)

    def run(self, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        async def opened() -> T:
            database = open_database(self.store.database_url)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(opened())

    def post(self, recipient: str, *, language: str = "en", kind: Kind = Kind.TEST, **facts: str) -> str:
        async def post(database: Database) -> str:
            async with database.writing() as session:
                posted = Outbox(is_on=True).post(session, kind, recipient, language=language, now=self.clock(), **facts)
            assert posted is not None
            return posted

        return self.run(post)

    def sender(self, database: Database) -> MailSender:
        target = parse_mail_url(self.url)
        assert target is not None
        writer = LetterWriter(ISSUER, Look("Example"), database, MailedLinks(parse_secrets(SECRET)), self.clock)
        if isinstance(target, SmtpServer):
            transport = Smtp(target, SENDER, self.ca_file, self.timeout)
            return MailSender(database, transport, SENDER, writer.look, writer.write, self.clock)
        return open_sender(database, target, SENDER, self.ca_file, writer, self.clock)

    def send(self) -> None:
        self.run(lambda database: self.sender(database).send_due())

    def waiting(self) -> list[tuple[Any, ...]]:
        return self.store.rows("SELECT attempts, handed_over, last_error FROM outgoing_mails WHERE failed_at IS NULL")

    def failed(self) -> list[str]:
        return [row[0] for row in self.store.rows("SELECT last_error FROM outgoing_mails WHERE failed_at IS NOT NULL")]


def serving_mail(request: pytest.FixtureRequest, factory: pytest.TempPathFactory, **changes: str) -> Iterator[Running]:
    """A service that sends mail, on the database of the fixture's parameter, and its worker's folder of mails."""
    folder = factory.mktemp("mails")
    settings = {"AUTH_MAIL_URL": f"file://{folder}", "AUTH_MAIL_FROM": "no-reply@example.com", **changes}
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        started = serve(f"sqlite+aiosqlite:///{shutil.copy(template, factory.mktemp('db') / 'auth.db')}", **settings)
        yield started
        started.stop()
        return
    postgres, name = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
    with made_database(postgres, template=name) as url:
        started = serve(url, **settings)
        yield started
        started.stop()


def url_of(server: SmtpProcess, scheme: str = "smtp+plain", *, login: bool = False) -> str:
    user = f"{USER}:{quote(PASSWORD, safe='')}@" if login else ""
    return f"{scheme}://{user}localhost:{server.port}"
