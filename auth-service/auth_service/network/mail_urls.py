"""Where mail is sent: the URL of a mail server, of a folder or of the console, and the address that it comes from.

    smtp://USER:PASSWORD@HOST:587      SMTP with STARTTLS, which is required (RFC 3207); port 587 by default
    smtps://USER:PASSWORD@HOST:465     SMTP over TLS (RFC 8314 §3.3); port 465 by default
    smtp+plain://HOST:25               SMTP without encryption or password, for a relay on a network of one's own
    file:///FOLDER                     one file for each mail, for development
    console:                           mails are printed, for development
    off                                no mail is sent

Special characters in a user or password are percent-encoded (RFC 3986 §2.1).
"""

import re
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Literal
from urllib.parse import unquote, urlsplit

OFF = "off"
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_FORMS = "must be smtp://HOST, smtps://HOST, smtp+plain://HOST, file:///FOLDER, console: or off"
_ADDRESS = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_MAILBOX = re.compile(rf"\"?([^<>@,;:\"\\]*)\"?\s*<({_ADDRESS})>|({_ADDRESS})", re.ASCII)

Encryption = Literal["starttls", "tls", "none"]
_ENCRYPTION: dict[str, Encryption] = {"smtp": "starttls", "smtps": "tls", "smtp+plain": "none"}


@dataclass(frozen=True)
class SmtpServer:
    host: str
    port: int
    encryption: Encryption
    username: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True)
class MailFolder:
    path: str


@dataclass(frozen=True)
class Console:
    """Mails are printed on the worker's standard error."""


MailTarget = SmtpServer | MailFolder | Console


def parse_mail_url(url: str) -> MailTarget | None:
    """Where mails go; None for `off`.

    Raises:
        ValueError: its text quotes nothing of the URL, which may hold a password.
    """
    if url == OFF:
        return None
    if url == "console:":
        return Console()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # its text quotes the URL
        raise ValueError("has a host or port that is not valid") from None
    if parts.query or parts.fragment or parts.scheme not in ("file", *_PORTS):
        raise ValueError(_FORMS)
    if parts.scheme == "file":
        if parts.netloc or parts.path in ("", "/"):
            raise ValueError("must name a folder, as in file:///var/tmp/mail")
        return MailFolder(unquote(parts.path))
    if not _HOST.fullmatch(host) or parts.path not in ("", "/") or port == 0:
        raise ValueError("has a host or port that is not valid")
    username, password = unquote(parts.username or "") or None, unquote(parts.password or "") or None
    if (username is None) != (password is None):
        raise ValueError("has a user without a password, or a password without a user")
    if password is not None and parts.scheme == "smtp+plain":
        raise ValueError("would send a password without encryption; use smtp or smtps")
    return SmtpServer(host, port or _PORTS[parts.scheme], _ENCRYPTION[parts.scheme], username, password)


def parse_sender(text: str) -> Address:
    """The address in a From header, as `Example <no-reply@example.com>` or without a name.

    Raises:
        ValueError: it is no single address, or not ASCII, or has control characters.
    """
    found = _MAILBOX.fullmatch(text)
    if found is None or not text.isprintable():
        raise ValueError("must be an address, such as Example <no-reply@example.com>")
    try:
        return Address(display_name=(found[1] or "").strip(), addr_spec=found[2] or found[3])
    except (HeaderParseError, ValueError):  # two dots in a row, or a dot at the end
        raise ValueError("must be an address, such as Example <no-reply@example.com>") from None
