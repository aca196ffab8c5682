"""Messages as they go over the wire: headers that nobody can inject, a text, and the same as HTML (RFC 5322, RFC 2046).

`EmailMessage` refuses a header with a line break. The addresses are checked where they come from: parse_email for the
recipient, the settings for the sender.
"""

import textwrap
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .letters import Letter

if TYPE_CHECKING:
    from jinja2 import Environment

OUR_COLOUR = "#1d6b53"
_SHOWN_IN_MAILS = ("image/png", "image/jpeg")
_LOGO = "logo@mail"  # the name of the picture within the mail (RFC 2392)


@dataclass(frozen=True)
class Envelope:
    """Whom a mail is from and to, and what names it: the same at each attempt, so that a second copy is recognized."""

    id: str
    sender: Address
    recipient: str
    posted_at: datetime


@dataclass(frozen=True)
class Look:
    """How a mail looks: the product's name, the colour of the button, and a picture above the text."""

    product: str
    colour: str = OUR_COLOUR  # white text can be read on it
    logo: tuple[bytes, str] | None = None  # its octets and media type


def compose(letter: Letter, envelope: Envelope, look: Look) -> EmailMessage:
    """The message, in 7 bits, so that every server takes it.

    The logo goes along with the mail, so nobody sees when the mail is read. Mail programs show no SVG and no WebP
    images: then the product's name stands there.

    Raises:
        ValueError: a header would hold a line break.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = envelope.sender
    message["To"] = Address(addr_spec=envelope.recipient)
    message["Subject"] = letter.subject
    message["Date"] = envelope.posted_at
    message["Message-ID"] = f"<{envelope.id}@{envelope.sender.domain}>"
    message["Content-Language"] = ", ".join(each.language for each in (letter, *letter.others))
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no auto-reply, such as "I am on holiday"
    message.set_content(_text(letter), cte="quoted-printable")
    logo = look.logo if look.logo is not None and look.logo[1] in _SHOWN_IN_MAILS else None
    html = (
        _templates().get_template("letter.html").render(letter=letter, look=look, logo=f"cid:{_LOGO}" if logo else "")
    )
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if logo is not None:
        kind, _, subtype = logo[1].partition("/")
        body = message.get_body(("html",))
        body.add_related(logo[0], kind, subtype, cid=f"<{_LOGO}>", disposition="inline")  # type: ignore[union-attr]
    return message


def _text(letter: Letter) -> str:
    """The letter as plain text, and below it the same in other languages."""
    others = [part for each in letter.others for part in (f"* {each.name} *", *_paragraphs(each))]
    return "\n\n".join([*_paragraphs(letter), *others, f"-- \n{textwrap.fill(letter.footer, 76)}"]) + "\n"


def _paragraphs(letter: Letter) -> list[str]:
    """A link stands on a line of its own and is never broken."""
    link = [f"{letter.button}:\n{letter.url}"] if letter.url else []
    above, below = ([textwrap.fill(text, 76) for text in texts] for texts in (letter.before, letter.after))
    return [*above, *link, *below]


@cache
def _templates() -> "Environment":
    """Jinja is imported at first use: only a worker that sends mail needs it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
