"""QR codes as SVG inside a page: no request, no picture, and no script."""

import io

from markupsafe import Markup

QUIET_ZONE = 4  # modules of white around it (ISO/IEC 18004)


def draw(text: str) -> Markup:
    """The SVG element. Scanners need dark on white, so its colours are no theme's. segno is imported at first use."""
    import segno

    written = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        written,
        "svg",
        xmldecl=False,
        svgns=False,
        border=QUIET_ZONE,
        dark="#000",
        light="#fff",
        omitsize=True,
        nl=False,
    )
    return Markup(written.getvalue().decode())  # noqa: S704 - drawn by segno, which takes only numbers from the text
