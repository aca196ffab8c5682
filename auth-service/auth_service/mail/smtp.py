"""SMTP (RFC 5321) with STARTTLS or TLS, by aiosmtplib. Only a worker that sends mail imports this file.

The commands are given one by one, since what a lost connection means depends on where it was lost: before the text was
sent the server does not have the mail; afterwards nobody knows. A refusal of the recipient or of the text with 5xx is
final for this mail (§4.2.1). Every other refusal, such as of our password, is the server's or the settings' fault.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from ..network.mail_urls import SmtpServer
from .transports import HandOver, Line, NotSent

TIMEOUT = timedelta(seconds=20)  # for connecting with TLS, and for each answer


@dataclass(frozen=True)
class Smtp:
    server: SmtpServer
    sender: Address
    ca_file: Path | None
    timeout: timedelta = TIMEOUT

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Line]:
        line = SmtpLine(self)
        try:
            yield line
        finally:
            await line.quit()

    def client(self) -> aiosmtplib.SMTP:
        """A client that is not connected yet. Without the wanted encryption it refuses to go on."""
        server = self.server
        encrypts = server.encryption != "none"
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            local_hostname=self.sender.domain,  # otherwise it asks a name server for our own name
            timeout=self.timeout.total_seconds(),
            use_tls=server.encryption == "tls",
            start_tls=server.encryption == "starttls",
            tls_context=ssl.create_default_context(cafile=self.ca_file) if encrypts else None,
        )


class SmtpLine:
    """One connection, opened at the first mail and again after a failure."""

    def __init__(self, transport: Smtp) -> None:
        self._transport = transport
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, message: EmailMessage, recipient: str, hand_over: HandOver) -> None:
        client = await self._connected()
        try:
            await client.mail(str(self._transport.sender.addr_spec))
        except (SMTPException, OSError) as error:
            raise await self._lost(error, is_away=True) from error
        try:
            await client.rcpt(recipient)
        except SMTPResponseException as error:
            await self.quit()
            raise NotSent(_reason(error), is_final=error.code >= 500) from error
        except (SMTPException, OSError) as error:
            raise await self._lost(error, is_away=True) from error
        await hand_over()
        try:
            await client.data(message.as_bytes())
        except SMTPResponseException as error:
            await self.quit()
            raise NotSent(_reason(error), is_final=error.code >= 500) from error
        except (SMTPException, OSError) as error:
            raise await self._lost(error, is_sure=False) from error

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None:
            client = self._transport.client()
            try:
                await client.connect()
            except (SMTPException, OSError, ValueError) as error:
                client.close()
                raise NotSent(_reason(error), is_away=True) from error
            self._client = client
        return self._client

    async def _lost(self, error: Exception, *, is_sure: bool = True, is_away: bool = False) -> NotSent:
        self._drop()
        return NotSent(_reason(error), is_sure=is_sure, is_away=is_away)

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def quit(self) -> None:
        """End the connection, politely if the server still listens."""
        if self._client is not None:
            with suppress(SMTPException, OSError):
                await self._client.quit(timeout=2)
        self._drop()


def _reason(error: Exception) -> str:
    """The kind of the failure. A server's text may quote the recipient, so only its code is told."""
    if isinstance(error, SMTPResponseException):
        return f"{type(error).__name__}: {error.code}"
    return type(error.__cause__ or error).__name__  # such as SSLCertVerificationError
