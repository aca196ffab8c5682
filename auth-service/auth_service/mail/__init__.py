"""Mail: an outbox in SQL, the letters in several languages, and sending them by SMTP.

    kinds.py        `Kind`: what a mail is about, for how long it may be sent, and how long its link works
    outbox.py       `Outbox.post`: a row in the caller's transaction; claiming and finishing rows
    links.py        `MailedLinks`: the secret of a link, derived from its mail; redeemed once
    codes.py        `MailedCodes`: the code in a mail, for the browser that asked for it
    letters.py      a mail in words
    languages/      the words, a file for each language; of the pages, too
    messages.py     `compose`: the message with its headers, as text and HTML
    sender.py       `MailSender.send_due`: claims, writes and sends what is due
    transports.py   what a way to send mails promises; files and the console, for development
    smtp.py         SMTP with STARTTLS or TLS

Whoever has something to tell posts a row in the transaction that it is about: the mail is sent if and only if that is
committed. The worker claims the row before it connects, and deletes it when the server has accepted the mail. Before
the text is handed over the row counts that, so a mail whose answer was lost is sent once more, with the same
Message-ID, and then reported: never a third time. What fails is tried again after 10, 20, 40 ... seconds, up to an
hour; what the server refuses for good, or what is out of time, stays as failed for a week (`mail list`).

No row holds the secret of a link or a code: the worker derives it from the row's id by HMAC. What is stored is a hash.
worker/ writes the letters, since only it knows accounts; any room above may post. Nothing here is imported at the start
of `serve` except outbox.py, links.py and codes.py.
"""
