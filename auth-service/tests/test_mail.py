"""Mails go out once, or are reported: with a real SMTP server that fails, stalls and dies at each step."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from auth_service.mail.kinds import NOTICE_MAX_AGE, Kind
from auth_service.mail.languages.choosing import LANGUAGES
from auth_service.mail.letters import write_letter
from auth_service.mail.messages import Envelope, Look, compose
from auth_service.network.mail_urls import parse_mail_url, parse_sender
from auth_service.store.database import Database
from auth_service.worker.mailing import mail_metrics

from .conftest import Service, Store
from .https_server import write_certificate
from .mail_scene import SENDER, SHORT, Mailroom, url_of
from .smtp_server import SmtpProcess, running_smtp
from .test_worker import StartWorker, eventually, start_worker

__all__ = ["start_worker"]  # a fixture
STEPS = ("mail", "rcpt", "data", "dot")


@pytest.fixture(scope="module")
def server_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpProcess]:
    with running_smtp(tmp_path_factory.mktemp("smtp")) as server:
        yield server


@pytest.fixture
def server(server_of_module: SmtpProcess) -> SmtpProcess:
    server_of_module.clear()
    return server_of_module


@pytest.fixture
def mailroom(server: SmtpProcess, sqlite_url: str) -> Mailroom:
    return Mailroom(Store(sqlite_url), url_of(server))


def plain(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    assert isinstance(text, str)
    return text


def test_a_mail_arrives_once_as_text_and_html(server: SmtpProcess, database_url: str) -> None:
    mailroom = Mailroom(Store(database_url), url_of(server))
    posted = mailroom.post("ann@example.org", language="de")
    mailroom.send()
    mailroom.send()
    [message] = server.texts()
    assert (message["From"], message["To"]) == ("Example <no-reply@example.com>", "ann@example.org")
    assert message["Subject"] == "Example: Mail funktioniert"
    assert (message["Message-ID"], message["Auto-Submitted"]) == (f"<{posted}@example.com>", "auto-generated")
    assert abs(parsedate_to_datetime(message["Date"]) - mailroom.clock()) < timedelta(minutes=5)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "Sie funktioniert." in plain(message)
    assert mailroom.store.rows("SELECT * FROM outgoing_mails") == [], "a sent mail leaves nothing behind"


def test_a_mail_of_a_transaction_that_is_rolled_back_is_not_sent(server: SmtpProcess, mailroom: Mailroom) -> None:
    mailroom.post("ann@example.org")
    mailroom.store.execute("DELETE FROM outgoing_mails")
    mailroom.send()
    assert server.steps() == []


@pytest.mark.parametrize("step", STEPS)
def test_a_refused_mail_is_reported_and_not_tried_again(server: SmtpProcess, mailroom: Mailroom, step: str) -> None:
    """RFC 5321 §4.2.1: a 5xx is final. The report has the code only: the server's text may quote the recipient."""
    mailroom.post(f"refuse-{step}@example.org")
    mailroom.post("ann@example.org")
    mailroom.send()
    assert [error.partition(": ")[2] for error in mailroom.failed()] == ["550"]
    assert "ann@example.org" in [message["To"] for message in server.texts()]
    server.clear()
    mailroom.clock.advance(hours=2)
    mailroom.send()
    assert server.steps() == []


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", ["later", "die", "stall"])
def test_a_mail_that_fails_at_a_step_is_sent_again(
    server: SmtpProcess, mailroom: Mailroom, what: str, step: str
) -> None:
    """The server has it at most twice, and then under one Message-ID: only if its answer to the text was lost."""
    mailroom.timeout = SHORT
    posted = mailroom.post(f"once-{what}-{step}@example.org")
    mailroom.send()
    is_unsure = step in ("data", "dot") and what != "later"
    [(attempts, handed_over, error)] = mailroom.waiting()
    assert (attempts, handed_over) == (1, int(is_unsure))
    assert "@" not in error
    mailroom.clock.advance(seconds=11)
    mailroom.send()
    assert mailroom.waiting() == []
    assert {message["Message-ID"] for message in server.texts()} == {f"<{posted}@example.com>"}
    assert len(server.texts()) == (2 if step == "dot" else 1)


@pytest.mark.parametrize("step", ["data", "dot"])
def test_a_mail_whose_answer_is_lost_twice_is_reported_and_never_sent_a_third_time(
    server: SmtpProcess, mailroom: Mailroom, step: str
) -> None:
    mailroom.post(f"die-{step}@example.org")
    for _ in range(4):
        mailroom.send()
        mailroom.clock.advance(hours=2)
    assert mailroom.failed() == ["handed over twice without an answer: it may have arrived"]
    assert server.steps().count(step) == 2


def test_pauses_between_attempts_double_up_to_an_hour_and_end(server: SmtpProcess, mailroom: Mailroom) -> None:
    mailroom.clock.stop()
    mailroom.post("later-rcpt@example.org")
    started, pauses = mailroom.clock(), []
    for _ in range(11):
        mailroom.send()
        [(next_at,)] = mailroom.store.rows(
            "SELECT (julianday(next_at) - julianday(:now)) * 86400 FROM outgoing_mails".replace(
                ":now", f"'{mailroom.clock():%Y-%m-%d %H:%M:%S.%f}'"
            )
        )
        pauses.append(round(next_at))
        mailroom.clock.advance(seconds=round(next_at))
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    mailroom.clock.offset += NOTICE_MAX_AGE - (mailroom.clock() - started)
    mailroom.send()
    assert mailroom.failed() == ["SMTPRecipientRefused: 451"]


def test_while_the_server_is_away_one_mail_is_tried_and_the_others_wait(sqlite_url: str) -> None:
    mailroom = Mailroom(Store(sqlite_url), "smtp+plain://127.0.0.1:1")
    for each in range(3):
        mailroom.post(f"p{each}@example.org")

    async def try_twice(database: Database) -> None:
        sender = mailroom.sender(database)
        await sender.send_due()
        await sender.send_due()
        mailroom.clock.advance(seconds=6)
        await sender.send_due()

    mailroom.run(try_twice)
    assert sorted(attempts for attempts, *_ in mailroom.waiting()) == [0, 1, 1]


def test_two_workers_at_once_send_each_mail_once(server: SmtpProcess, postgres_url: str) -> None:
    mailroom = Mailroom(Store(postgres_url), url_of(server))
    posted = {mailroom.post(f"p{each}@example.org") for each in range(12)}

    async def send_at_once(database: Database) -> None:
        senders = [mailroom.sender(database) for _ in range(4)]
        await asyncio.gather(*(sender.send_due() for sender in senders))

    mailroom.run(send_at_once)
    mailroom.send()
    arrived = [message["Message-ID"].strip("<>").partition("@")[0] for message in server.texts()]
    assert sorted(arrived) == sorted(posted)


def test_a_worker_whose_claim_has_run_out_does_not_hand_the_mail_over(server: SmtpProcess, mailroom: Mailroom) -> None:
    mailroom.post("once-stall-rcpt@slow.example.org")

    async def overtake(database: Database) -> None:
        slow = mailroom.sender(database)
        sending = asyncio.create_task(slow.send_due())
        await asyncio.to_thread(eventually, lambda: "rcpt" in server.steps())
        mailroom.clock.advance(minutes=6)
        await mailroom.sender(database).send_due()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)

    mailroom.run(overtake)
    assert len(server.texts()) == 1
    assert mailroom.waiting() == []


@pytest.mark.process
@pytest.mark.parametrize("step", ["rcpt", "dot"])
def test_a_killed_workers_mail_is_sent_by_the_next_one(
    server: SmtpProcess, sqlite_url: str, start_worker: StartWorker, step: str
) -> None:
    """Before the text was handed over it arrives once; afterwards twice under one Message-ID, as nobody can know."""
    mailroom = Mailroom(Store(sqlite_url), url_of(server))
    posted = mailroom.post(f"once-stall-{step}@killed.example.org")
    settings = {"AUTH_MAIL_URL": mailroom.url, "AUTH_MAIL_FROM": "no-reply@example.com"}
    worker = start_worker(mailroom.store, **settings)
    eventually(lambda: step in server.steps())
    worker.process.kill()
    worker.process.wait(60)
    mailroom.store.execute("UPDATE outgoing_mails SET claimed_until = '2020-01-01 00:00:00'")
    mailroom.send()
    assert {message["Message-ID"] for message in server.texts()} == {f"<{posted}@example.com>"}
    assert len(server.texts()) == (2 if step == "dot" else 1)
    assert mailroom.waiting() == []


@pytest.mark.parametrize(("scheme", "option"), [("smtps", "--tls"), ("smtp", "--starttls")])
def test_mail_goes_encrypted_to_a_server_that_proves_its_name(
    tmp_path: Path, sqlite_url: str, scheme: str, option: str
) -> None:
    certificate, ca_file = write_certificate(tmp_path, "localhost")
    with running_smtp(tmp_path, option, str(certificate), "--auth") as server:
        mailroom = Mailroom(Store(sqlite_url), url_of(server, scheme, login=True), ca_file)
        mailroom.post("ann@example.org")
        mailroom.send()
        assert [(line["tls"], line["user"]) for line in server.lines() if line["step"] == "mail"] == [("True", "True")]
        assert len(server.texts()) == 1
        stranger = Mailroom(mailroom.store, mailroom.url)  # without the authority that signed the certificate
        stranger.post("bob@example.org")
        stranger.send()
        assert [error for *_, error in stranger.waiting()] == ["SSLCertVerificationError"]
        assert len(server.texts()) == 1


def test_without_starttls_nothing_is_said(server: SmtpProcess, sqlite_url: str) -> None:
    """RFC 3207 §4.1: somebody on the way may have cut the offer out of the server's answer."""
    mailroom = Mailroom(Store(sqlite_url), url_of(server, "smtp", login=True))
    mailroom.post("ann@example.org")
    mailroom.send()
    assert len(mailroom.waiting()) == 1
    assert server.steps() == []


def test_a_wrong_password_is_no_fault_of_the_mail(tmp_path: Path, sqlite_url: str) -> None:
    with running_smtp(tmp_path, "--auth") as server:
        mailroom = Mailroom(Store(sqlite_url), url_of(server))
        mailroom.post("ann@example.org")
        mailroom.send()
        assert mailroom.failed() == []
        [(_, handed_over, error)] = mailroom.waiting()
        assert (handed_over, error) == (0, "SMTPSenderRefused: 530")


def test_the_folder_has_one_file_for_each_mail(tmp_path: Path, sqlite_url: str) -> None:
    mailroom = Mailroom(Store(sqlite_url), f"file://{tmp_path}/in box")
    posted = mailroom.post("ann@example.org")
    mailroom.send()
    [file] = (tmp_path / "in box").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (f"{posted}.eml", 0o600)
    assert b"To: ann@example.org" in file.read_bytes()


def test_the_console_shows_the_text(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    mailroom = Mailroom(Store(sqlite_url), "console:")
    mailroom.post("ann@example.org")
    mailroom.send()
    assert "To: ann@example.org\nSubject: Example: mail works\n\nThis is a test." in capsys.readouterr().err


def test_operators_see_what_failed_and_send_it_again(server: SmtpProcess, mailroom: Mailroom) -> None:
    store = mailroom.store
    refused = mailroom.post("refuse-rcpt@example.org")
    mailroom.send()
    [line] = [line for line in store.command("mail", "list", "--failed", "--json").stdout.splitlines() if line]
    assert refused in line
    assert "SMTPRecipientRefused: 550" in line
    assert '"resent": 1' in store.command("mail", "resend", refused, "--json").stdout
    assert store.command("mail", "resend", refused).returncode == 1
    assert len(mailroom.waiting()) == 1
    assert store.rows("SELECT count(*) FROM audit_events WHERE event = 'mails_resent'") == [(1,)]
    mailroom.send()
    mailroom.clock.advance(days=4)
    store.execute("UPDATE outgoing_mails SET send_before = '2020-01-01 00:00:00'")
    assert '"resent": 0' in store.command("mail", "resend", "--all", "--json").stdout, "out of time"
    assert store.command("mail", "resend").returncode == 2


def test_mails_that_wait_or_failed_are_counted(server: SmtpProcess, mailroom: Mailroom) -> None:
    mailroom.post("refuse-rcpt@example.org")
    mailroom.send()
    mailroom.post("ann@example.org")
    mailroom.clock.advance(minutes=5)
    made = mailroom.run(lambda database: mail_metrics(database, now=mailroom.clock()))
    waiting, failed, age = (metric.values[()] for metric in made)
    assert (waiting, failed) == (1, 1)
    assert age >= 300


def test_a_test_mail_is_posted_by_command_only_if_mail_is_sent(server: SmtpProcess, mailroom: Mailroom) -> None:
    settings = {"AUTH_MAIL_URL": mailroom.url, "AUTH_MAIL_FROM": "no-reply@example.com"}
    refused = mailroom.store.command("mail", "test", "ann@example.org")
    assert (refused.returncode, "AUTH_MAIL_URL is not set" in refused.stderr) == (1, True)
    assert mailroom.store.command("mail", "test", "nobody", **settings).returncode == 1
    posted = mailroom.store.command("mail", "test", "Ann@Example.org", "--language", "de", "--json", **settings)
    assert posted.returncode == 0, posted.stderr
    mailroom.send()
    assert [message["To"] for message in server.texts()] == ["ann@example.org"]


def test_no_mail_is_stored_while_none_is_sent(sqlite_service: Service) -> None:
    sqlite_service.signed_up()
    assert sqlite_service.rows("SELECT * FROM outgoing_mails") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_mail_with_the_same_words_to_replace(language: str) -> None:
    facts = {
        "product": "P",
        "host": "h",
        "time": "t",
        "address": "a",
        "left": "3",
        "from": "f",
        "until": "u",
        "application": "A",
        "api": "B",
        "provider": "E",
    }
    for kind in Kind:
        letter, english = (write_letter(kind, each, facts, url="https://x") for each in (language, "en"))
        assert (len(letter.before), len(letter.after)) == (len(english.before), len(english.after))
        assert bool(letter.button) == bool(english.button)
        texts = (letter.subject, *letter.before, *letter.after, letter.footer)
        assert not set("{}") & set("".join(texts))


@pytest.mark.parametrize(("kind", "is_notice"), [(Kind.EMAIL_CHANGED, True), (Kind.SIGN_IN, False)])
def test_a_notice_is_in_all_languages_as_a_thief_chooses_the_first(kind: Kind, is_notice: bool) -> None:
    facts = {"product": "P", "host": "h"}
    message = compose(
        write_letter(kind, "de", facts, url="https://x"),
        Envelope("x", SENDER, "ann@example.org", Mailroom(Store(""), "").clock()),
        Look("P"),
    )
    for part in ("plain", "html"):
        body = message.get_body((part,))
        assert body is not None
        text = " ".join(body.get_content().split())
        for language in LANGUAGES:
            own = write_letter(kind, language, facts, url="https://x").before[0]
            assert (own in text) is (is_notice or language == "de")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\n\r\n", "\u2028\n"])
def test_a_header_cannot_be_injected(end: str) -> None:
    injected = f"Hello{end}Bcc: everybody@example.org"
    letter = write_letter(Kind.TEST, "en", {"product": injected, "host": "h"})
    with pytest.raises(ValueError, match=r"header|linefeed|newline"):
        compose(letter, Envelope("x", SENDER, "ann@example.org", Mailroom(Store(""), "").clock()), Look("Example"))
    with pytest.raises(ValueError, match="must be an address"):
        parse_sender(f"no-reply@example.com{end}Bcc: everybody@example.org")


def test_what_a_letter_quotes_is_escaped() -> None:
    letter = write_letter(Kind.TEST, "en", {"product": "<b>&", "host": "h"})
    message = compose(letter, Envelope("x", SENDER, "ann@example.org", Mailroom(Store(""), "").clock()), Look("<i>"))
    html = message.get_body(("html",))
    assert html is not None
    assert "<b>" not in html.get_content()
    assert "&lt;b&gt;&amp;: mail works" in html.get_content()
    assert message["Subject"] == "<b>&: mail works"


@pytest.mark.parametrize(
    "url",
    [
        "smtp://", "smtp://h:0", "smtp://h:99999", "smtp://a@h", "smtp://:b@h", "smtp+plain://a:secret@h",
        "smtp://h/x", "smtp://h?x", "http://h", "file://h/x", "file:///", "console", "smtp://h h", "smtp://[h", "",
    ],
)  # fmt: skip
def test_a_mail_url_that_cannot_be_meant_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|valid|without") as refused:
        parse_mail_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["", "Ann", "a@b, c@d", "ä@example.com", "Ann <a@b", "a@b\x00", "<>", "a b@example.com"]
)
def test_a_sender_is_one_address(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        parse_sender(text)
