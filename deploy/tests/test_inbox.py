"""The page that shows the mails of `up`."""

from __future__ import annotations

import http.client
import os
import threading
from email.message import EmailMessage
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from deploy.local import inbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINK = "http://localhost:8080/verify-email?token=abc&callbackURL=%2Fx"
HTML = f'<!doctype html><html><head></head><body><a href="{LINK}">Confirm</a></body></html>'


def write(folder: Path, mail_id: str, subject: str, *, at: int) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "no-reply@localhost", "ann@example.com", subject
    mail.set_content(f"Press here:\n{LINK}\n<script>alert(1)</script>")
    mail.add_alternative(HTML, subtype="html")
    file = folder / f"{mail_id}.eml"
    file.write_bytes(mail.as_bytes())
    os.utime(file, (at, at))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "older", "First <b>", at=1)
    write(tmp_path, "newer", "Second", at=2)
    (tmp_path / "half.draft").write_text("not yet", encoding="utf-8")
    return tmp_path


@pytest.fixture
def port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(inbox.Inbox, "folder", folder, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), inbox.Inbox) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, host: str = "localhost") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": host})
    response = connection.getresponse()
    answer = response.status, response.read().decode(), response.headers["Content-Security-Policy"]
    connection.close()
    return answer


def test_newest_mail_is_shown_and_listed_first(folder: Path) -> None:
    page = inbox.render(folder, "") or ""
    assert page.index("Second") < page.index("First &lt;b&gt;")
    assert '<h2 id="subject">Second</h2>' in page
    assert '<h2 id="subject">First &lt;b&gt;</h2>' in (inbox.render(folder, "older") or "")


def test_text_is_escaped_and_its_links_can_be_pressed(folder: Path) -> None:
    url = LINK.replace("&", "&amp;")
    page = inbox.render(folder, "newer") or ""
    assert f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>' in page
    assert ("<script>alert" in page, "&lt;script&gt;alert" in page) == (False, True)


def test_inbox_without_mails_says_so(tmp_path: Path) -> None:
    assert "No mail was sent yet" in (inbox.render(tmp_path / "none", "") or "")


def test_html_of_a_mail_is_in_a_sandbox_without_scripts_and_its_links_open_tabs(port: int) -> None:
    status, text, policy = ask(port, "/newer/html")
    assert (status, '<base target="_blank">' in text, LINK in text) == (200, True, True)
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "script-src" not in policy


@pytest.mark.parametrize("path", ["/nothing", "/../secrets/auth_secret", "/half", "/nothing/html", "/a/b"])
def test_only_mails_are_served(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404


def test_page_under_a_foreign_name_is_refused(port: int) -> None:
    """A page of another site could otherwise read the mails, by a name that leads to this machine (DNS rebinding)."""
    assert [ask(port, "/", host)[0] for host in ("evil.example", "", f"localhost:{port}")] == [421, 421, 200]
    assert ask(port, "/newest.txt", "127.0.0.1")[:2] == (200, "newer")
