"""Which of our languages a browser (RFC 9110 §12.5.4) or a client (OpenID Connect Core §3.1.2.1) asks for."""

import re
from pathlib import Path

LANGUAGES = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))
DEFAULT_LANGUAGE = "en"
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.[0-9]{1,3})?))?\s*", re.ASCII)
_MOST_RANGES = 16


def choose_language(accepted: str) -> str | None:
    """The language for a browser's Accept-Language. None: none of ours is in it."""
    ranges = (_RANGE.fullmatch(each) for each in accepted[:1000].split(",")[:_MOST_RANGES])
    wanted = [(float(found[2] or 1), found[1].lower()) for found in ranges if found is not None]
    ours = [(quality, language) for quality, language in wanted if language in LANGUAGES and quality > 0]
    return max(ours, key=lambda each: each[0])[1] if ours else None


def find_language(ui_locales: str | None) -> str | None:
    """Our first language among the tags (BCP 47) of `ui_locales`. None: there is none, so others decide."""
    tags = (ui_locales or "")[:1000].split(" ")[:_MOST_RANGES]
    return next((code for tag in tags if (code := tag.partition("-")[0].lower()) in LANGUAGES), None)
