"""What a browser sends of an authenticator: `toJSON()` of a credential (Web Authentication Level 3 §5.1).

Lengths are checked before anything is decoded. Members that are not used here are passed over: the Better Auth client
leaves out `clientExtensionResults`, and others add members of their own.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from ...oauth.strict_json import parse_object

MAX_CREDENTIAL_ID = 1364  # characters of base64url: 1023 octets
MAX_CLIENT_DATA = 8192  # characters, as the following
MAX_AUTHENTICATOR_DATA = 4096
MAX_ATTESTATION = 32_768  # with certificates, although we ask for none
MAX_SIGNATURE = 2048
MAX_USER_HANDLE = 128
MAX_TRANSPORTS = 8
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_TRANSPORT = re.compile(r"[a-z][a-z-]{1,14}", re.ASCII)


class InvalidAnswer(Exception):
    """The answer is malformed, or does not verify. `reason` is for the log only."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    credential_id: str  # base64url, in its one canonical form
    client_data: bytes

    @property
    def challenge(self) -> bytes:
        """The challenge that the browser was given. Raises InvalidAnswer.

        A page in a frame of another site is refused: its person does not see which site they sign in to.
        """
        try:
            members = parse_object(self.client_data)
        except ValueError as error:
            raise InvalidAnswer(f"clientDataJSON: {error}") from None
        if members.get("crossOrigin") not in (None, False) or "topOrigin" in members:
            raise InvalidAnswer("clientDataJSON: from a frame of another origin")
        return decoded(members, "challenge", 256)


@dataclass(frozen=True)
class RegistrationAnswer(Answer):
    attestation_object: bytes
    transports: tuple[str, ...]


@dataclass(frozen=True)
class SignInAnswer(Answer):
    authenticator_data: bytes
    signature: bytes
    user_handle: bytes | None


def parse_text(text: str) -> Mapping[str, object]:
    """The answer in a form's field. Raises InvalidAnswer."""
    try:
        return parse_object(text.encode())
    except ValueError as error:
        raise InvalidAnswer(str(error)) from None


def parse_registration(members: Mapping[str, object]) -> RegistrationAnswer:
    """Raises InvalidAnswer."""
    response = _response_of(members)
    listed = response.get("transports")
    named = listed[:MAX_TRANSPORTS] if isinstance(listed, list) else []
    return RegistrationAnswer(
        credential_id=_credential_id_of(members),
        client_data=decoded(response, "clientDataJSON", MAX_CLIENT_DATA),
        attestation_object=decoded(response, "attestationObject", MAX_ATTESTATION),
        transports=tuple(each for each in named if isinstance(each, str) and _TRANSPORT.fullmatch(each)),
    )


def parse_sign_in(members: Mapping[str, object]) -> SignInAnswer:
    """Raises InvalidAnswer."""
    response = _response_of(members)
    has_handle = response.get("userHandle") not in (None, "")
    return SignInAnswer(
        credential_id=_credential_id_of(members),
        client_data=decoded(response, "clientDataJSON", MAX_CLIENT_DATA),
        authenticator_data=decoded(response, "authenticatorData", MAX_AUTHENTICATOR_DATA),
        signature=decoded(response, "signature", MAX_SIGNATURE),
        user_handle=decoded(response, "userHandle", MAX_USER_HANDLE) if has_handle else None,
    )


def _response_of(members: Mapping[str, object]) -> Mapping[str, object]:
    response = members.get("response")
    if members.get("type") != "public-key" or not isinstance(response, dict):
        raise InvalidAnswer("no credential of a public key")
    return response


def _credential_id_of(members: Mapping[str, object]) -> str:
    credential_id = encoded(decoded(members, "rawId", MAX_CREDENTIAL_ID))
    if not credential_id or members.get("id") != credential_id:
        raise InvalidAnswer("id and rawId differ")
    return credential_id


def decoded(members: Mapping[str, object], name: str, longest: int) -> bytes:
    """The octets of a member in base64url, which may be padded. Raises InvalidAnswer."""
    value = members.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidAnswer(f"{name}: missing or too long")
    text = value.rstrip("=")
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise InvalidAnswer(f"{name}: not base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")
