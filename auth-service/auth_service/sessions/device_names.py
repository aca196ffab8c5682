"""A name that people understand for a device, out of its User-Agent header: "Firefox on Windows".

The names come from these tables only: a header's own words, which anybody may choose, are never shown or mailed.
"""

import re

from ..mail.languages.sentences import Sentence

_BROWSERS = (  # the first match counts: most browsers also call themselves Chrome or Safari
    (re.compile(r"Edg(e|A|iOS)?/"), "Edge"),
    (re.compile(r"OPR/|OPiOS/"), "Opera"),
    (re.compile(r"SamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"Firefox/|FxiOS/"), "Firefox"),
    (re.compile(r"Chrom(e|ium)/|CriOS/"), "Chrome"),
    (re.compile(r"Safari/"), "Safari"),
    (re.compile(r"^curl/"), "curl"),
)
_SYSTEMS = (
    (re.compile(r"iPhone"), "iPhone"),
    (re.compile(r"iPad"), "iPad"),
    (re.compile(r"Android"), "Android"),
    (re.compile(r"Windows"), "Windows"),
    (re.compile(r"Mac OS X|Macintosh"), "Mac"),
    (re.compile(r"CrOS"), "ChromeOS"),
    (re.compile(r"Linux"), "Linux"),
)
UNKNOWN = "A program or an unknown browser"


def name_device(user_agent: str) -> Sentence:
    """The name; UNKNOWN if the tables have none."""
    browser, system = (
        next((name for pattern, name in table if pattern.search(user_agent)), "") for table in (_BROWSERS, _SYSTEMS)
    )
    if browser and system:
        return Sentence("{browser} on {system}", browser=browser, system=system)
    return Sentence(browser or system or UNKNOWN)
