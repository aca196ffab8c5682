"""The kinds of mail. A new one is a line here, and a table in each file of languages/."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    TEST = "test"  # by an operator, to see whether mail works


NOTICE_MAX_AGE = timedelta(days=3)  # a mail without a link is given up when it could not be sent for this long
LINK_TTL: Mapping[Kind, timedelta] = {}  # how long a link works after its mail was first written


def send_within(kind: Kind) -> timedelta:
    """The time within which a mail is sent, or given up: nobody waits for an old link."""
    return LINK_TTL.get(kind, NOTICE_MAX_AGE)
