"""The pages' stylesheet and script. Their names change with their content, so browsers may cache them for ever."""

from fastapi import APIRouter, Response

from ...http.pages import SCRIPT, SCRIPT_PATH, STYLESHEET, STYLESHEET_PATH

router = APIRouter()


HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@router.get(STYLESHEET_PATH, include_in_schema=False)  # its name changes
async def stylesheet() -> Response:
    return Response(STYLESHEET, headers=HEADERS, media_type="text/css")


@router.get(SCRIPT_PATH, include_in_schema=False)  # its name changes
async def script() -> Response:
    return Response(SCRIPT, headers=HEADERS, media_type="text/javascript")
