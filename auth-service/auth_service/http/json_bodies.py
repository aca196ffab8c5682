"""The JSON object in the body of a protocol request, bounded before it is parsed."""

from typing import Any

from fastapi import Request

from ..oauth.errors import EncodedContent, InvalidClientMetadata, RequestTooLarge
from ..oauth.strict_json import has_more_values, parse_object
from .oauth_requests import is_encoded

MEDIA_TYPE = "application/json"
MAX_SIZE = 16 * 1024  # octets
MAX_VALUES = 500  # members and elements
MAX_BRACKETS = 200


async def read_metadata(request: Request) -> dict[str, Any]:
    """The client metadata in the body (RFC 7591 §3.1).

    Raises:
        InvalidClientMetadata: the body has another media type, or is not a JSON object.
        RequestTooLarge, EncodedContent
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise InvalidClientMetadata(f"The body must be {MEDIA_TYPE}.")
    if is_encoded(request):
        raise EncodedContent("The body must be sent as it is, without a content coding.")
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MAX_SIZE:
            raise RequestTooLarge(f"The body is larger than {MAX_SIZE} octets.")
    if has_more_values(bytes(octets), MAX_VALUES):
        raise InvalidClientMetadata(f"The body has more than {MAX_VALUES} members and elements.")
    try:
        return parse_object(bytes(octets), max_brackets=MAX_BRACKETS)
    except ValueError as error:
        raise InvalidClientMetadata(f"The body is not a JSON object in UTF-8: {error}.") from None
