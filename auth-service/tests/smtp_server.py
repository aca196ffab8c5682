"""A real SMTP server (aiosmtpd) in a process of its own, which fails, stalls or dies where the recipient's name says.

`refuse-rcpt@`, `later-data@`, `die-dot@`, `stall-mail@` and so on: first what happens, then at which step. The steps
are `mail`, `rcpt`, `data` (before the text is asked for) and `dot` (the text has arrived, its answer has not been
sent). With `once-` in front it happens only the first time. What arrives is written to a file, in JSON lines.
"""

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

ANSWERS = {"refuse": "550 5.1.1 no such mailbox", "later": "451 4.7.1 try again later"}
USER, PASSWORD = "mailer", "p@ss:word"  # needs percent-encoding in a URL


@dataclass(frozen=True)
class SmtpProcess:
    port: int
    file: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]

    def steps(self) -> list[str]:
        return [line["step"] for line in self.lines()]

    def texts(self) -> list[EmailMessage]:
        """The mails whose whole text has arrived."""
        arrived = [line["text"] for line in self.lines() if line["step"] == "dot"]
        return [message_from_bytes(text.encode(), policy=policy.default) for text in arrived]

    def clear(self) -> None:
        self.file.write_text("")


@contextmanager
def running_smtp(folder: Path, *options: str) -> Iterator[SmtpProcess]:
    """A server on a free port. `--tls` or `--starttls` with the path of a certificate and its key; `--auth`."""
    file = folder / "arrived.jsonl"
    file.touch()
    command = [sys.executable, str(Path(__file__)), str(file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield SmtpProcess(int(process.stdout.readline()), file)
        finally:
            process.kill()


class Handler:
    def __init__(self, file: Path) -> None:
        self.file = file
        self.happened: set[str] = set()

    def tell(self, step: str, **facts: str) -> None:
        with self.file.open("a") as out:
            out.write(json.dumps({"step": step, **facts}) + "\n")

    async def misbehave(self, server: SMTP, step: str, recipient: str) -> str | None:
        """The answer that is not the usual one, if the recipient's name asks for one at this step."""
        what, _, where = recipient.partition("@")[0].removeprefix("once-").partition("-")
        if where != step or (recipient.startswith("once-") and recipient in self.happened):
            return None
        self.happened.add(recipient)
        if what == "die":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if what in ("die", "stall"):
            await asyncio.sleep(3600)
        return ANSWERS[what]

    async def handle_MAIL(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        assert server.transport is not None
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        self.tell("mail", sender=address, tls=str(encrypted), user=str(session.authenticated))
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        self.tell("rcpt", recipient=address)
        for step in ("mail", "rcpt"):  # the sender's name says nothing, so both happen here
            if (answer := await self.misbehave(server, step, address)) is not None:
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        assert isinstance(envelope.original_content, bytes)
        self.tell("dot", text=envelope.original_content.decode("ascii"))
        return await self.misbehave(server, "dot", envelope.rcpt_tos[0]) or "250 OK"


class Server(SMTP):
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - as above
        handler = self.event_handler
        handler.tell("data")
        assert self.envelope is not None
        answer = await handler.misbehave(self, "data", self.envelope.rcpt_tos[0])
        if answer is not None:
            await self.push(answer)
            return
        await super().smtp_DATA(arg)


def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=False)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--tls")
    parser.add_argument("--starttls")
    parser.add_argument("--auth", action="store_true")
    given = parser.parse_args()
    options: dict[str, Any] = {}
    context = None
    if given.tls or given.starttls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given.tls or given.starttls)
    if given.starttls:
        options = {"tls_context": context, "require_starttls": True}
    if given.auth:
        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": bool(given.starttls)}
    loop = asyncio.new_event_loop()
    handler = Handler(given.file)

    def make() -> Server:
        return Server(handler, loop=loop, **options)

    async def serve() -> None:
        served = await loop.create_server(make, "127.0.0.1", 0, ssl=context if given.tls else None)
        sys.stdout.write(f"{served.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await served.serve_forever()

    loop.run_until_complete(serve())


if __name__ == "__main__":
    main()
