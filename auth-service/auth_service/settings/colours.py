"""The colours that follow from the product's one colour, for light and dark pages, all with enough contrast.

In a light page the colour is that of links and of the main button, whose text is white. In a dark page it is mixed with
white until it can be read, and the button's text is dark. Text needs 4.5:1 (WCAG 2.2 §1.4.3).
"""

import re
from collections.abc import Mapping

LEAST_CONTRAST = 4.5
_ON_DARK = 6.0  # of the colour in a dark page; with less, links look dull beside the text
_HEX = re.compile(r"#[0-9a-f]{6}")
_WHITE, _BLACK = "#ffffff", "#000000"
_LIGHT, _DARK = ("#fbfaf7", "#ffffff"), ("#161614", "#1f1f1c")  # paper and surface of http/templates/style.css
Palette = Mapping[str, str]  # colours by the names that style.css gives them


def palettes_of(colour: str) -> tuple[Palette, Palette]:
    """The colours of light and of dark pages.

    Raises:
        ValueError: text could not be read on the colour, or in it.
    """
    if not _HEX.fullmatch(colour.lower()):
        raise ValueError("must be a colour such as #1d6b53")
    light = _palette(colour.lower(), _WHITE, strong=_BLACK, soft=_WHITE)
    least = _least_contrast(light, _LIGHT)
    if least < LEAST_CONTRAST:
        raise ValueError(
            f"text on {colour}, and in it, would have a contrast of {_rounded_down(least)}:1 on light pages, and "
            f"{LEAST_CONTRAST}:1 is needed: choose a darker one, such as {_darkened(colour.lower())}"
        )
    return light, _dark_of(colour.lower())


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _palette(accent: str, on_accent: str, *, strong: str, soft: str) -> Palette:
    return {
        "accent": accent,
        "accent-strong": _mixed(accent, strong, 0.2),
        "on-accent": on_accent,
        "accent-soft": _mixed(accent, soft, 0.9 if soft == _WHITE else 0.85),
    }


def _dark_of(colour: str) -> Palette:
    paper, surface = _DARK
    shades = (_mixed(colour, _WHITE, step / 20) for step in range(20))
    accent = next(shade for shade in shades if contrast(shade, surface) >= _ON_DARK)
    return _palette(accent, paper, strong=_WHITE, soft=surface)


def _least_contrast(palette: Palette, grounds: tuple[str, str]) -> float:
    """The least contrast of all pairs that the pages show."""
    pairs = [(palette[name], ground) for name in ("accent", "accent-strong") for ground in grounds]
    pairs += [(palette["on-accent"], palette[name]) for name in ("accent", "accent-strong")]
    pairs.append((palette["accent-strong"], palette["accent-soft"]))
    return min(contrast(*pair) for pair in pairs)


def _darkened(colour: str) -> str:
    shades = (_mixed(colour, _BLACK, step / 20) for step in range(1, 21))
    fits = (each for each in shades if _least_contrast(_palette(each, _WHITE, strong=_BLACK, soft=_WHITE), _LIGHT) >= 5)
    return next(fits, "#1d6b53")


def _rounded_down(ratio: float) -> float:
    return int(ratio * 10) / 10


def _mixed(one: str, other: str, share: float) -> str:
    """A share of the other colour in the one."""
    mixed = (round(a + (b - a) * share) for a, b in zip(_channels(one), _channels(other), strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    shares = (value / 255 for value in _channels(colour))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
