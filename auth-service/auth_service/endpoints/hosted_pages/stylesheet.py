"""The pages' stylesheets, scripts and logo. Their names change with their content: browsers may keep them for ever."""

from dataclasses import dataclass

from fastapi import APIRouter, HTTPException, Request, Response

from ...http.branding import Branding
from ...http.pages import FIELDS_SCRIPT, FIELDS_SCRIPT_PATH, SCRIPT, SCRIPT_PATH, STYLESHEET, STYLESHEET_PATH
from ...http.parts import Given, given

router = APIRouter()
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True)
class BrandParts(Given):
    branding: Branding


@router.get(STYLESHEET_PATH, include_in_schema=False)  # its name changes
async def stylesheet() -> Response:
    return Response(STYLESHEET, headers=HEADERS, media_type="text/css")


@router.get(SCRIPT_PATH, include_in_schema=False)  # its name changes
async def script() -> Response:
    return Response(SCRIPT, headers=HEADERS, media_type="text/javascript")


@router.get(FIELDS_SCRIPT_PATH, include_in_schema=False)  # its name changes
async def fields_script() -> Response:
    return Response(FIELDS_SCRIPT, headers=HEADERS, media_type="text/javascript")


@router.get("/pages/brand-{tag}", include_in_schema=False)
async def brand_stylesheet(request: Request) -> Response:
    branding = given(request, BrandParts).branding
    if request.url.path != branding.stylesheet_path:
        raise HTTPException(404)
    return Response(branding.stylesheet, headers=HEADERS, media_type="text/css")


@router.get("/pages/logo-{tag}", include_in_schema=False)
async def logo(request: Request) -> Response:
    """The logo. An SVG image that is opened by itself is a document of our origin, so it may do nothing."""
    branding = given(request, BrandParts).branding
    if branding.logo is None or request.url.path != branding.logo_path:
        raise HTTPException(404)
    octets, media_type = branding.logo
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
    return Response(octets, headers=HEADERS | policy, media_type=media_type)
