"""The pages' stylesheet. Its name changes with its content, so browsers may cache it for ever."""

from fastapi import APIRouter, Response

from ...http.pages import STYLESHEET, STYLESHEET_PATH

router = APIRouter()


@router.get(STYLESHEET_PATH, include_in_schema=False)  # its name changes
async def stylesheet() -> Response:
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(STYLESHEET, headers=headers, media_type="text/css")
