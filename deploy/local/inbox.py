"""The development inbox: a page on loopback with the mails that `up` has sent, the newest first.

    python inbox.py PORT FOLDER

auth-service writes each mail as a file into FOLDER. It refuses to do so unless the issuer is on localhost, so this page
never exists in production. Mails hold secret links: the page answers on loopback only, and only under names of
loopback, so that no page of another site can read it by a name that leads here (DNS rebinding). A mail's HTML is shown
in a frame without scripts and without our origin.
"""

from __future__ import annotations

import email
import html
import re
import sys
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import ClassVar
from urllib.parse import urlsplit

SHOWN = 200  # mails in the list
_PAGE = Template((Path(__file__).parent / "inbox.html").read_text(encoding="utf-8"))
_SCRIPT = (Path(__file__).parent / "inbox.js").read_bytes()
_ID = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
_URL = re.compile(r"https?://[^\s<>\"]+")
_HTML = "text/html; charset=utf-8"
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# `sandbox` takes scripts, forms and our origin away; a link may open a tab, which is free again.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Mail:
    id: str
    message: EmailMessage

    def header(self, name: str) -> str:
        return str(self.message.get(name, ""))

    def body(self, kind: str) -> str:
        """The text of one form, `plain` or `html`; "" if the mail has none."""
        part = self.message.get_body((kind,))
        return "" if part is None else str(part.get_content())


def list_ids(folder: Path) -> list[str]:
    """The ids of the mails, the newest first, at most SHOWN."""
    written = [(file.stat().st_mtime_ns, file.stem) for file in folder.glob("*.eml") if _ID.fullmatch(file.stem)]
    return [mail_id for _, mail_id in sorted(written, reverse=True)[:SHOWN]]


def find_mail(folder: Path, mail_id: str) -> Mail | None:
    file = folder / f"{mail_id}.eml"
    if not _ID.fullmatch(mail_id) or not file.is_file():
        return None
    message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    return Mail(mail_id, message) if isinstance(message, EmailMessage) else None


def render(folder: Path, mail_id: str) -> str | None:
    """The page with the list and one mail; "" shows the newest. None: there is no such mail."""
    ids = list_ids(folder)
    shown = find_mail(folder, mail_id or (ids[0] if ids else ""))
    if mail_id and shown is None:
        return None
    listed = [mail for mail in (find_mail(folder, each) for each in ids) if mail is not None]
    return _PAGE.substitute(
        newest=html.escape(ids[0] if ids else ""),
        count=str(len(listed)),
        folder=html.escape(str(folder)),
        mails="".join(_render_row(mail, is_shown=shown is not None and mail.id == shown.id) for mail in listed),
        mail=_render_mail(shown) if shown else '<p id="empty">No mail was sent yet. New ones appear by themselves.</p>',
    )


def _render_row(mail: Mail, *, is_shown: bool) -> str:
    current = ' aria-current="page"' if is_shown else ""
    to, subject, date = (html.escape(mail.header(name)) for name in ("To", "Subject", "Date"))
    return (
        f'<li><a href="/{mail.id}"{current}><strong>{subject}</strong><span>{to}</span><time>{date}</time></a></li>\n'
    )


def _render_mail(mail: Mail) -> str:
    subject, to, sender = (html.escape(mail.header(name)) for name in ("Subject", "To", "From"))
    text = link_urls(mail.body("plain"))
    return f"""<h2 id="subject">{subject}</h2>
<p class="soft">To <strong id="to">{to}</strong>, from {sender}</p>
<iframe id="html" src="/{mail.id}/html" title="The mail as HTML" \
sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>
<h3>As text</h3>
<pre id="text">{text}</pre>
"""


def link_urls(text: str) -> str:
    """The text as HTML. Its URLs are links, which open a new tab."""
    parts, end = [], 0
    for found in _URL.finditer(text):
        url = html.escape(found[0])
        link = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'
        parts += [html.escape(text[end : found.start()]), link]
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])


def open_tabs(text: str) -> str:
    """A mail's HTML whose links open new tabs: the frame may not lead anywhere else."""
    return text.replace("<head>", '<head>\n<base target="_blank">', 1)


class Inbox(BaseHTTPRequestHandler):
    folder: ClassVar[Path]

    def do_GET(self) -> None:
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in ("localhost", "127.0.0.1"):
            self.answer(421, b"This page answers on localhost only.", "text/plain", _PAGE_POLICY)
            return
        path = self.path.partition("?")[0]
        if path == "/inbox.js":
            self.answer(200, _SCRIPT, "text/javascript", _PAGE_POLICY)
        elif path == "/newest.txt":
            self.answer(200, "".join(list_ids(self.folder)[:1]).encode(), "text/plain", _PAGE_POLICY)
        elif path.endswith("/html"):
            mail = find_mail(self.folder, path.strip("/").removesuffix("/html"))
            self.page(None if mail is None else open_tabs(mail.body("html")), _MAIL_POLICY)
        else:
            self.page(render(self.folder, path.strip("/")), _PAGE_POLICY)

    def page(self, text: str | None, policy: str) -> None:
        if text is None:
            self.answer(404, b"There is no such mail.", "text/plain", policy)
        else:
            self.answer(200, text.encode(), _HTML, policy)

    def answer(self, status: int, body: bytes, media_type: str, policy: str) -> None:
        headers = {
            "Content-Type": media_type,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        self.send_response(status)
        for header in headers.items():
            self.send_header(*header)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Log nothing: whoever reads the page is alone on this machine."""


def main() -> None:
    port, folder = sys.argv[1:]
    Inbox.folder = Path(folder)
    ThreadingHTTPServer(("127.0.0.1", int(port)), Inbox).serve_forever()


if __name__ == "__main__":
    main()
