"""How the product looks on pages: its name, its logo, and a stylesheet with its colours over those of style.css."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlsplit

_SUFFIXES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


@dataclass(frozen=True)
class Branding:
    product: str
    palettes: tuple[Mapping[str, str], Mapping[str, str]] | None = None  # of light and dark pages; None: our own
    logo: tuple[bytes, str] | None = None  # its octets and media type

    @cached_property
    def stylesheet(self) -> bytes:
        """Empty if the product has no colour of its own."""
        if self.palettes is None:
            return b""
        light, dark = (f":root {{ {_declared(palette)} }}" for palette in self.palettes)
        return f"{light}\n@media (prefers-color-scheme: dark) {{ {dark} }}\n".encode()

    @cached_property
    def stylesheet_path(self) -> str | None:
        return f"/pages/brand-{_tag(self.stylesheet)}.css" if self.stylesheet else None

    @cached_property
    def logo_path(self) -> str | None:
        return f"/pages/logo-{_tag(self.logo[0])}.{_SUFFIXES[self.logo[1]]}" if self.logo else None


def open_branding(
    issuer: str,
    product: str | None,
    palettes: tuple[Mapping[str, str], Mapping[str, str]] | None,
    logo: tuple[bytes, str] | None,
) -> Branding:
    """What the settings say. Without a name the product is called by the issuer's host."""
    return Branding(product or urlsplit(issuer).netloc, palettes, logo)


def _declared(palette: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())


def _tag(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()[:16]
