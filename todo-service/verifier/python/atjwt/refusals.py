"""Why a token is refused: one exception, `Refused`, with a `Reason`. Its text is one of a few fixed ones.

try:
    token = verifier.verify(text)
except Refused as refused:
    status = 503 if refused.is_temporary else 401
"""

from enum import StrEnum


class Reason(StrEnum):
    """All reasons. The last three are temporary: the caller may try the same token again after some seconds (503).

    After all others the same token will be refused again (401, `invalid_token`, RFC 6750 §3.1). UNKNOWN_KEY is between
    both: the key may have been published a moment ago. `Verifier.verify_or_wait` waits for it.
    """

    MALFORMED = "malformed"  # longer than 8 KiB, not three segments of base64url, or not strict JSON
    WRONG_ALGORITHM = "wrong-algorithm"  # `alg` is not among the policy's, or is not the key's
    WRONG_TYPE = "wrong-type"  # `typ` is not at+jwt, such as that of an ID token (RFC 9068 §4)
    UNKNOWN_EXTENSION = "unknown-extension"  # `crit` or `b64` (RFC 7515 §4.1.11)
    NO_KEY_NAMED = "no-key-named"  # `kid` is missing, empty or too long
    UNKNOWN_KEY = "unknown-key"  # the issuer publishes no key with this `kid`
    BAD_SIGNATURE = "bad-signature"
    WRONG_ISSUER = "wrong-issuer"
    WRONG_AUDIENCE = "wrong-audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"  # `iat` or `nbf` is in the future
    LIVES_TOO_LONG = "lives-too-long"  # more than the policy's `token_max_age` from `iat` to `exp`
    BAD_CLAIM = "bad-claim"  # a claim is missing, or of another form than RFC 9068 says
    BOUND_TO_KEY = "bound-to-key"  # `cnf`: a bearer request does not prove possession of the key, or not in a known way
    NOT_BOUND = "not-bound"  # the token came with a DPoP proof, but is a bearer token
    BOUND_TO_ANOTHER_KEY = "bound-to-another-key"  # than that of the DPoP proof (RFC 9449 §7.1)
    AMBIGUOUS_SUBJECT = "ambiguous-subject"  # the token could be a person's and a service's (RFC 9068 §5)
    BAD_STATUS = "bad-status"  # `status` is not a reference to one of the issuer's status lists
    NO_STATUS = "no-status"  # the policy requires that a person's token names a status list
    REVOKED = "revoked"
    OLDER_EPOCH = "older-epoch"  # from before the issuer's last restore from a backup
    # Of a DPoP proof (RFC 9449 §4.3), not of the token: 401, `invalid_dpop_proof`.
    PROOF_MALFORMED = "proof-malformed"  # longer than 8 KiB, not three segments of base64url, or not strict JSON
    PROOF_WRONG_TYPE = "proof-wrong-type"  # `typ` is not dpop+jwt
    PROOF_WRONG_ALGORITHM = "proof-wrong-algorithm"  # `alg` is not among the policy's, or is not the key's
    PROOF_BAD_KEY = "proof-bad-key"  # `jwk` is missing, private, symmetric, too weak or too large
    PROOF_BAD_SIGNATURE = "proof-bad-signature"
    PROOF_BAD_CLAIM = "proof-bad-claim"  # `jti`, `htm`, `htu` or `iat` is missing or malformed
    PROOF_FOR_ANOTHER_REQUEST = "proof-for-another-request"  # `htm` or `htu` is not the request's
    PROOF_WRONG_HASH = "proof-wrong-hash"  # `ath` is not the token's hash: the proof is for another token
    PROOF_NOT_RECENT = "proof-not-recent"  # `iat` is further from now than the policy's `proof_max_age`
    PROOF_REPLAYED = "proof-replayed"  # this process has accepted a proof with this key and `jti` before
    KEYS_UNAVAILABLE = "keys-unavailable"  # no key set yet, or none fetched for 24 hours
    STATUS_UNAVAILABLE = "status-unavailable"  # the token's status list is not in memory yet
    STATUS_STALE = "status-stale"  # the status list is older than the token's life, and the policy refuses that


TEMPORARY = frozenset((Reason.KEYS_UNAVAILABLE, Reason.STATUS_UNAVAILABLE, Reason.STATUS_STALE))


class Refused(Exception):
    """The token is refused. The text says why to a developer; it never quotes the token."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason

    @property
    def is_temporary(self) -> bool:
        """Whether nothing is known to be wrong with the token, so that it should be sent again later."""
        return self.reason in TEMPORARY

    @property
    def error(self) -> str:
        """The code for the challenge (RFC 6750 §3.1, RFC 9449 §7.1). Empty if the refusal is temporary."""
        if self.is_temporary:
            return ""
        return "invalid_dpop_proof" if self.reason.startswith("proof-") else "invalid_token"


class InvalidToken(Refused):
    """Something is wrong with the token."""


class InvalidProof(Refused):
    """Something is wrong with the DPoP proof that came with the token."""


class UnknownKey(InvalidToken):
    """No given key has this `kid`. The caller may fetch newer keys and try again."""

    def __init__(self, kid: str) -> None:
        super().__init__(Reason.UNKNOWN_KEY, "the token names a key that the issuer does not publish")
        self.kid = kid


class KeysUnavailable(Refused):
    """There is no key set, or it is too old to trust: no token can be verified."""

    def __init__(self) -> None:
        super().__init__(Reason.KEYS_UNAVAILABLE, "the issuer's keys are not known at the moment")


class StatusUnknown(Refused):
    """The list that the token names is not in memory (yet), so it is unknown whether the token is revoked."""

    def __init__(self) -> None:
        super().__init__(Reason.STATUS_UNAVAILABLE, "the token's status list has not been fetched yet")
