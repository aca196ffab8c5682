"""E-mail addresses as account names: ASCII, lower case, with a domain of at least two labels.

Only ASCII, so that addresses that look alike cannot be two accounts. Deliverability is not checked; only sending mail
can show it.
"""

from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 254  # characters; checked first, so that no pattern runs over long text


def parse_email(text: str) -> str | None:
    """The normalized address, for storage and comparison, or None if it is not valid (RFC 5321 §4.1.2)."""
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    try:
        checked = validate_email(text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    if "." not in checked.domain:
        return None
    return checked.ascii_email.lower() if checked.ascii_email else None
