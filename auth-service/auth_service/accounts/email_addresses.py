"""E-mail addresses as account names: ASCII, lower case, with a domain of at least two labels.

Only ASCII, because two addresses that look alike must not be two accounts. Deliverability is not asked:
whether mail arrives is found out by sending some.
"""

from email_validator import EmailNotValidError, validate_email

MAX_LENGTH = 254  # checked first, so that no pattern ever runs over a long text


def parse_email(text: str) -> str | None:
    """The address as it is stored and compared, or None when it is not one (RFC 5321 §4.1.2)."""
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    try:
        checked = validate_email(text, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    if "." not in checked.domain:
        return None
    return checked.ascii_email.lower() if checked.ascii_email else None
