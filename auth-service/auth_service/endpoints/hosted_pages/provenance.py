"""Where an application comes from, in words: who registered it, and where it is."""

from typing import NamedTuple
from urllib.parse import urlsplit

from ...clients.clients import Client
from ...clients.own_registrations import is_stranger
from ...mail.languages.sentences import Sentence
from ...oauth.client_documents import host_of
from ...oauth.metadata_values import AUTHORIZATION_CODE, DEVICE_CODE
from ...oauth.redirect_uri import is_loopback, is_private_use

MAX_HOSTS = 3


class Provenance(NamedTuple):
    words: tuple[str, ...]  # sentences; empty: nothing is known
    is_stranger: bool  # nobody here knows it: it chose its name itself


def describe(client: Client | None) -> Provenance:
    """None: the client is gone, or blocked."""
    if client is None:
        return Provenance((), is_stranger=False)
    return Provenance((*_places(client), *_origin(client)), is_stranger(client))


def _places(client: Client) -> list[str]:
    """Where people are sent to, as the registration says. A device has no such place."""
    registration = client.registration
    uris = registration.redirect_uris if AUTHORIZATION_CODE in registration.grant_types else ()
    hosts = dict.fromkeys(urlsplit(uri).netloc for uri in uris if not (is_loopback(uri) or is_private_use(uri)))
    told: list[str] = []
    if hosts:
        text = "At {hosts}." if len(hosts) <= MAX_HOSTS else "At {hosts} and others."
        told.append(Sentence(text, hosts=", ".join([*hosts][:MAX_HOSTS])))
    if any(is_loopback(uri) or is_private_use(uri) for uri in uris):
        told.append("A program on a computer or a phone of yours.")
    if DEVICE_CODE in registration.grant_types:
        told.append("A device or a command line, which you allowed by a code.")
    return told


def _origin(client: Client) -> list[str]:
    if host := host_of(client.client_id):
        return [Sentence("It describes itself at {host}.", host=host)]
    return [] if client.registered_by is None else ["It has registered itself."]
