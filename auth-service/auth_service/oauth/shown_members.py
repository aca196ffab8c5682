"""Members of client metadata that people see on the consent page: links and a logo (RFC 7591 §2).

A link is https. The logo is a small picture in a `data:` URI, which only an operator may give: no page of ours loads
pictures from elsewhere, so no client learns who looks at its consent page before that person has agreed.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from . import metadata_members as members_of
from .errors import InvalidClientMetadata

if TYPE_CHECKING:  # it imports this file
    from .client_metadata import ClientMetadata

LINKS, LOGO_URI = ("client_uri", "policy_uri", "tos_uri"), "logo_uri"
LOGO_MAX_LENGTH = 16 * 1024  # characters of the data: URI
# How the octets of a picture begin. SVG is left out: it is a document, with links and fonts of its own.
_PICTURES: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
}


class Link(NamedTuple):
    """A link on the page, with the id of its element."""

    id: str
    address: str | None
    words: str


def read_links(given: Mapping[str, Any]) -> dict[str, Any]:
    """The links by their members. Raises InvalidClientMetadata."""
    return {name: members_of.read_https_uri(given, name) for name in LINKS}


def is_picture(uri: str | None) -> bool:
    """Whether the `logo_uri` is the picture itself, which a page may show."""
    return uri is not None and uri.startswith("data:")


def read_logo(given: Mapping[str, Any]) -> str | None:
    """The `logo_uri`: a picture, or the https address of one, which is kept and not shown.

    Raises:
        InvalidClientMetadata
    """
    uri: str | None = members_of.read(given, LOGO_URI, str, None)
    if not is_picture(uri):
        return members_of.read_https_uri(given, LOGO_URI)
    if uri is None or len(uri) > LOGO_MAX_LENGTH or not _is_whole_picture(uri):
        kinds = ", ".join(_PICTURES)
        raise InvalidClientMetadata(
            f"{LOGO_URI}: a data: URI must be a picture in base64 ({kinds}) of at most {LOGO_MAX_LENGTH} characters."
        )
    return uri


def _is_whole_picture(uri: str) -> bool:
    kind, _, text = uri.removeprefix("data:").partition(";base64,")
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return octets.startswith(_PICTURES.get(kind, ()))


def of_own_host(given: Mapping[str, Any], document: str | None, redirect_uris: object) -> dict[str, Any]:
    """The members without links to other hosts than the client's own (RFC 7591 §5).

    A stranger's consent page could otherwise link to the terms of somebody whom people trust. Anybody may name the host
    of another among several redirect URIs, so these count only if all of them are https and at one host. A document
    proves where it is.

    Args:
        document: the URL of the client's metadata document, if it has one.
    """
    uris = [document] if document is not None else redirect_uris if isinstance(redirect_uris, list) else []
    hosts = {_host_of(each) for each in uris}
    own = hosts.pop() if len(hosts) == 1 else None
    return {name: value for name, value in given.items() if name not in LINKS or (own and _host_of(value) == own)}


def _host_of(uri: object) -> str | None:
    """The host of an https URI; None for everything else."""
    return urlsplit(uri).hostname if isinstance(uri, str) and members_of.is_https_uri(uri) else None


def links_of(client: "ClientMetadata") -> Sequence[Link]:
    """The links of a client: its website, in words its host; its privacy policy; its terms of service."""
    website = urlsplit(client.client_uri or "").netloc
    links = (
        Link("client-link", client.client_uri, website),
        Link("policy-link", client.policy_uri, "Privacy policy"),
        Link("tos-link", client.tos_uri, "Terms of service"),
    )
    return [link for link in links if link.address is not None]
