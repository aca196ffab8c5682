"""The mails that `up` has sent, as the files that its inbox page shows."""

import email
import re
from email import policy
from email.message import EmailMessage

from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until


def mailed_link(stack: Stack, recipient: str, subject: str) -> str:
    """The first link of the newest mail to this address whose subject ends so. The worker may have to send it first."""
    found: list[str] = []

    def has_come() -> bool:
        found[:] = [_text(mail) for mail in _mails(stack) if _is_it(mail, recipient, subject)]
        return bool(found)

    wait_until(has_come)
    link = re.search(r"https?://\S+", found[-1])
    assert link is not None, found[-1]
    return link[0]


def _mails(stack: Stack) -> list[EmailMessage]:
    """The oldest first."""
    files = sorted((stack.checkout.folder / ".run/mails").glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
    read = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
    return [each for each in read if isinstance(each, EmailMessage)]


def _is_it(mail: EmailMessage, recipient: str, subject: str) -> bool:
    return mail["To"] == recipient and str(mail["Subject"]).endswith(subject)


def _text(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())
