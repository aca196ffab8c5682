"""Password hashes of other systems, which come with imported accounts: read, bounded and compared.

    bcrypt    $2a$, $2b$, $2y$; with Django's `bcrypt$` or `bcrypt_sha256$` before it
    scrypt    Better Auth's SALT:KEY; Django's `scrypt$N$SALT$R$P$KEY`; Werkzeug's `scrypt:N:R:P$SALT$KEY`
    PBKDF2    Django's `pbkdf2_sha256$N$SALT$KEY`; passlib's `$pbkdf2-sha256$N$SALT$KEY`, in which Keycloak's parameters
              fit; Werkzeug's `pbkdf2:sha256:N$SALT$KEY`
    Argon2    PHC strings; with Django's `argon2` before it

What a hash costs stands in the hash, so a file could ask for hours of work. The bounds below are checked when a hash is
read, before anything is computed: about a second of one core and 128 MiB at most. What is far cheaper than any system
in use is refused, too: such a hash hardly protects its password.

Better Auth hashes the NFKC form of a password, as we do. The others hash what was typed.
"""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping

PREFIX = "imported:"  # before a stored hash of another system: ours never begins so
MAX_LENGTH = 240  # characters of a hash, so that it fits into its column
MAX_MEMORY = 128 * 1024 * 1024  # octets
BCRYPT_COSTS = range(4, 15)
BCRYPT_OCTETS = 72  # what bcrypt reads of a password
PBKDF2_ITERATIONS = range(1_000, 2_000_001)  # of HMAC, for all blocks of the key
SCRYPT_LEAST_N, SCRYPT_MOST_WORK = 1024, 2**20  # work: N times r times p
ARGON2_LEAST_MEMORY, ARGON2_MOST_WORK, ARGON2_MOST_LANES = 1024, 512 * 1024, 16  # KiB; KiB times passes; lanes
KEY_LENGTHS = range(16, 65)  # octets

Check = Callable[[str], bool]  # whether this password has the hash
Fields = Mapping[str, str]


class UnusableHash(ValueError):
    """The text says why, without any part of the hash."""


def parse(text: str) -> Check:
    """What compares passwords with this hash.

    Raises:
        UnusableHash
    """
    if len(text) > MAX_LENGTH:
        raise UnusableHash(f"has more than {MAX_LENGTH} characters")
    for form, read in _FORMS:
        found = form.fullmatch(text)
        if found is not None:
            return read(found.groupdict())
    raise UnusableHash("has none of the forms that are known here")


def matches(stored: str, password: str) -> bool:
    """Whether the password, of a bounded length, has this stored hash, which begins with PREFIX."""
    return parse(stored.removeprefix(PREFIX))(password)


def _bcrypt(fields: Fields) -> Check:
    if int(fields["cost"]) not in BCRYPT_COSTS:
        raise UnusableHash(f"has a cost outside of {_shown(BCRYPT_COSTS)}")
    hashes_first = fields["first"] == "bcrypt_sha256$"

    def check(password: str) -> bool:
        import bcrypt  # imported where it is used: few processes ever compare such a hash

        octets = hashlib.sha256(password.encode()).hexdigest().encode() if hashes_first else password.encode()
        try:
            return bcrypt.checkpw(octets[:BCRYPT_OCTETS], fields["hash"].encode())
        except ValueError:  # not a salt
            return False

    return check


def _pbkdf2(fields: Fields) -> Check:
    digest, iterations = fields["digest"] or "sha1", int(fields["iterations"])
    salt, key = _salt_and_key(fields)
    blocks = -(-len(key) // hashlib.new(digest, usedforsecurity=False).digest_size)
    if iterations not in PBKDF2_ITERATIONS or iterations * blocks not in PBKDF2_ITERATIONS:
        raise UnusableHash(f"has iterations outside of {_shown(PBKDF2_ITERATIONS)}")
    return lambda password: _are_equal(hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations, len(key)), key)


def _scrypt(fields: Fields) -> Check:
    return _scrypt_of(fields, int(fields["n"]), int(fields["r"]), int(fields["p"]))


def _better_auth(fields: Fields) -> Check:
    check = _scrypt_of(fields, 16384, 16, 1)
    return lambda password: check(unicodedata.normalize("NFKC", password))


def _scrypt_of(fields: Fields, n: int, r: int, p: int) -> Check:
    salt, key = _salt_and_key(fields)
    if n < SCRYPT_LEAST_N or n & (n - 1) or not r or not p:
        raise UnusableHash(f"has an N that is not a power of two from {SCRYPT_LEAST_N}, or no r or p")
    if n >= 2 ** min(16 * r, 64):  # RFC 7914 §2; OpenSSL computes no such hash
        raise UnusableHash("has an N that is too large for its r")
    if 128 * n * r > MAX_MEMORY or n * r * p > SCRYPT_MOST_WORK:
        raise UnusableHash("has an N, r and p that cost too much")
    return lambda password: _are_equal(
        hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=2 * MAX_MEMORY, dklen=len(key)), key
    )


def _argon2(fields: Fields) -> Check:
    memory, passes, lanes = (int(fields[name]) for name in ("memory", "passes", "lanes"))
    if memory < max(ARGON2_LEAST_MEMORY, 8 * lanes) or not passes or not lanes:
        raise UnusableHash(f"has less than {ARGON2_LEAST_MEMORY} KiB of memory, no pass or no lane")
    if memory * 1024 > MAX_MEMORY or memory * passes > ARGON2_MOST_WORK or lanes > ARGON2_MOST_LANES:
        raise UnusableHash("has a memory, passes and lanes that cost too much")

    def check(password: str) -> bool:
        import argon2

        try:
            return argon2.PasswordHasher().verify(fields["hash"], password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    return check


def _salt_and_key(fields: Fields) -> tuple[bytes, bytes]:
    """The salt, which is a text in most forms, and the key in whichever form it has."""
    key = bytes.fromhex(fields["hex"]) if fields.get("hex") else _decoded(fields["key"])
    if len(key) not in KEY_LENGTHS:
        raise UnusableHash(f"has a key outside of {_shown(KEY_LENGTHS)} octets")
    return _decoded(fields["salt64"]) if fields.get("salt64") else fields["salt"].encode(), key


def _decoded(text: str) -> bytes:
    """Base64 with or without padding; passlib writes `.` for `+`."""
    text = text.rstrip("=").replace(".", "+")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise UnusableHash("is not base64") from None


def _are_equal(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


def _shown(bounds: range) -> str:
    return f"{bounds.start} to {bounds.stop - 1}"


_NUMBER, _SALT, _BASE64 = "[0-9]{1,9}", r"[!-#%-~]{1,100}", r"[A-Za-z0-9+/.]{1,100}={0,2}"
_DIGEST = "(?P<digest>sha1|sha256|sha512)"
_HEX = r"(?P<hex>(?:[0-9a-f]{2}){1,64})"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[Fields], Check]], ...] = tuple(
    (re.compile(form, re.ASCII), read)
    for form, read in (
        (r"(?P<first>bcrypt\$|bcrypt_sha256\$)?(?P<hash>\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53})", _bcrypt),
        (r"(?P<salt>[0-9a-f]{32}):(?P<hex>[0-9a-f]{128})", _better_auth),
        (
            rf"scrypt\$(?P<n>{_NUMBER})\$(?P<salt>{_SALT})\$(?P<r>{_NUMBER})\$(?P<p>{_NUMBER})\$(?P<key>{_BASE64})",
            _scrypt,
        ),
        (rf"scrypt:(?P<n>{_NUMBER}):(?P<r>{_NUMBER}):(?P<p>{_NUMBER})\$(?P<salt>{_SALT})\${_HEX}", _scrypt),
        (rf"pbkdf2_{_DIGEST}\$(?P<iterations>{_NUMBER})\$(?P<salt>{_SALT})\$(?P<key>{_BASE64})", _pbkdf2),
        (rf"pbkdf2:{_DIGEST}:(?P<iterations>{_NUMBER})\$(?P<salt>{_SALT})\${_HEX}", _pbkdf2),
        (rf"\$pbkdf2(?:-{_DIGEST})?\$(?P<iterations>{_NUMBER})\$(?P<salt64>{_BASE64})\$(?P<key>{_BASE64})", _pbkdf2),
        (
            rf"(?:argon2)?(?P<hash>\$argon2(?:id|i|d)\$v=(?:16|19)\$m=(?P<memory>{_NUMBER}),t=(?P<passes>{_NUMBER}),"
            rf"p=(?P<lanes>{_NUMBER})\$[A-Za-z0-9+/]{{11,86}}\$[A-Za-z0-9+/]{{22,86}})",
            _argon2,
        ),
    )
)
