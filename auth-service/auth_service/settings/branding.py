"""Settings about the product: its name, its colour and its logo, on the pages and in mails."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from .colours import Palette, palettes_of
from .logos import Logo, read_logo


def _colour(value: str) -> str:
    palettes_of(value)
    return value


def _logo(value: Path) -> Path:
    read_logo(value)
    return value


ProductName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,60}$")]
Colour = Annotated[str, AfterValidator(_colour)]
LogoFile = Annotated[Path, AfterValidator(_logo)]


class BrandSettings(BaseModel):
    """The settings about the product, a part of `Settings`."""

    product_name: ProductName | None = Field(
        None, description="Name of the product on pages, in mails and authenticator apps; default: the issuer's host"
    )
    product_colour: Colour | None = Field(
        None, description="Colour of links and main buttons, such as `#1d6b53`. See [Look](#look)"
    )
    product_logo_file: LogoFile | None = Field(
        None, description="Logo on pages and in mails: SVG, PNG, JPEG or WebP, at most 64 KiB. See [Look](#look)"
    )


def find_palettes(settings: BrandSettings) -> tuple[Palette, Palette] | None:
    """The colours of light and of dark pages. None: our own."""
    return None if settings.product_colour is None else palettes_of(settings.product_colour)


def find_logo(settings: BrandSettings) -> Logo | None:
    return None if settings.product_logo_file is None else read_logo(settings.product_logo_file)
