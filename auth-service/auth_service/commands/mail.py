"""`mail`: lists and resends mails that are not sent, and sends a test. Texts and links are never shown."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.email_addresses import parse_email
from ..audit.trail import record
from ..mail.kinds import Kind
from ..mail.outbox import Outbox, OutgoingMail, list_mails, resend
from ..settings.settings import load_settings
from ..store.instants import utc_now
from .opened import CommandRefused, opened, run, transact
from .output import AsJson, Record, show, show_pages

app = typer.Typer(help="Mails that are not sent yet, or could not be sent.", no_args_is_help=True)
PAGE = 500

Failed = Annotated[bool, typer.Option("--failed", help="Only mails that were given up.")]
MailId = Annotated[str, typer.Argument(metavar="[MAIL_ID]", help="The mail's id, as `list` shows it.")]
All = Annotated[bool, typer.Option("--all", help="All mails that were given up and are not out of time.")]
To = Annotated[str, typer.Argument(metavar="ADDRESS", help="Who gets the test.")]
Language = Annotated[str, typer.Option("--language", metavar="CODE", help="en or de.")]


@app.command("list")
def list_(failed: Failed = False, as_json: AsJson = False) -> None:
    """List mails that are not sent, with the number of attempts, the last error and the next attempt."""
    run(show_pages(_pages(failed_only=failed), as_json=as_json))


@app.command("resend")
def resend_(mail_id: MailId = "", everything: All = False, as_json: AsJson = False) -> None:
    """Send a mail that was given up again, or all of them. The worker does it within two seconds.

    A mail whose link would be too old is left alone: the person has to ask for a new one.
    """
    if bool(mail_id) == everything:
        raise typer.BadParameter("give either MAIL_ID or --all")
    show([run(transact(_resend, mail_id or None))], as_json=as_json)


@app.command("test")
def send_test(address: To, language: Language = "en", as_json: AsJson = False) -> None:
    """Post a test mail. The worker sends it within two seconds; `mail list` shows it until then, or why it failed."""
    parsed = parse_email(address)
    if parsed is None:
        raise CommandRefused("not an e-mail address")
    if load_settings().mail_target is None:
        raise CommandRefused("AUTH_MAIL_URL is not set, so no mail is sent")
    show([run(transact(_post_test, parsed, language))], as_json=as_json)


async def _pages(*, failed_only: bool) -> AsyncIterator[list[Record]]:
    async with opened() as database, database.reading() as session:
        after = ""
        while page := await list_mails(session, failed_only=failed_only, after=after, limit=PAGE):
            after = page[-1].id
            yield [_record_of(mail) for mail in page]


def _record_of(mail: OutgoingMail) -> Record:
    return {
        "id": mail.id,
        "kind": mail.kind,
        "recipient": mail.recipient,
        "posted_at": _written(mail.created_at),
        "attempts": mail.attempts,
        "last_error": mail.last_error,
        "next_attempt_at": None if mail.failed_at else _written(mail.next_at),
        "failed_at": _written(mail.failed_at) if mail.failed_at else None,
        "send_before": _written(mail.send_before),
    }


def _written(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


async def _resend(session: AsyncSession, mail_id: str | None) -> Record:
    ids = await resend(session, mail_id, now=utc_now())
    if mail_id and not ids:
        raise CommandRefused("there is no mail with this id that was given up and may still be sent")
    await record(session, "mails_resent", now=utc_now(), mail_id=mail_id, mails=len(ids))
    return {"resent": len(ids)}


async def _post_test(session: AsyncSession, address: str, language: str) -> Record:
    mail_id = Outbox(is_on=True).post(session, Kind.TEST, address, language=language, now=utc_now())
    await record(session, "test_mail_posted", now=utc_now(), mail_id=mail_id)
    return {"id": mail_id}
