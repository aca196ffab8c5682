"""The product's logo: a small picture from the operator's file. Its kind is read from its content, not from its name.

An SVG image is a document that may hold scripts and load others. So one is taken only if it holds neither; besides, the
address that serves it forbids both (http/branding.py).
"""

import re
from pathlib import Path
from typing import NamedTuple

MAX_OCTETS = 64 * 1024
SVG = "image/svg+xml"
_STARTS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY)|<\?xml-stylesheet", re.IGNORECASE)
_ACTIVE = frozenset(("script", "foreignobject", "iframe", "object", "embed", "audio", "video", "handler", "a"))
_ELSEWHERE = re.compile(r"url\(\s*[\"']?\s*(?!#)|@import|javascript:", re.IGNORECASE)
_INLINE = re.compile(r"\s*(#|data:image/(png|jpeg);)")


class Logo(NamedTuple):
    octets: bytes
    media_type: str


def read_logo(path: Path) -> Logo:
    """Raises ValueError if the file cannot be read, is too large, or is no picture that is safe to show."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from None
    if len(octets) > MAX_OCTETS:
        raise ValueError(f"is larger than {MAX_OCTETS // 1024} KiB")
    for start, media_type in _STARTS:
        if octets.startswith(start):
            return Logo(octets, media_type)
    if octets[:4] == b"RIFF" and octets[8:12] == b"WEBP":
        return Logo(octets, "image/webp")
    _check_svg(octets)
    return Logo(octets, SVG)


def _check_svg(octets: bytes) -> None:
    import xml.etree.ElementTree as ElementTree  # takes 0.6 MB, and most logos need none of it

    try:
        text = octets.decode()
        if _DECLARATION.search(text):
            raise ValueError("is an SVG image with a DOCTYPE, an entity or a stylesheet of its own: remove it")
        root = ElementTree.fromstring(text)  # noqa: S314 - without a DOCTYPE there are no entities
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise ValueError("is no SVG, PNG, JPEG or WebP image") from None
    if root.tag != "{http://www.w3.org/2000/svg}svg":
        raise ValueError("is no SVG, PNG, JPEG or WebP image")
    for element in root.iter():
        name = _local(str(element.tag))
        if name in _ACTIVE:
            raise ValueError(f"is an SVG image with the element {name}, which could act: remove it")
        if name == "style" and _ELSEWHERE.search(element.text or ""):
            raise ValueError("is an SVG image whose style loads something: remove it")
        for attribute, value in element.attrib.items():
            if _acts(_local(attribute), value):
                raise ValueError(f"is an SVG image with the attribute {_local(attribute)}, which could act: remove it")


def _acts(attribute: str, value: str) -> bool:
    """Whether an attribute runs a script, or leads to another document."""
    is_link = attribute in ("href", "src") and not _INLINE.match(value)
    return attribute.startswith("on") or is_link or _ELSEWHERE.search(value) is not None


def _local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition("}")[2].lower()
