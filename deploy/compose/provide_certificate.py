"""Put the gateway's certificate where the gateway can read it: the operator's, or one of our own authority.

    python provide_certificate.py GIVEN AUTHORITY TLS ISSUER

All except ISSUER are folders. GIVEN has the operator's certificate, or is empty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

GATEWAY = 10001  # the group of the gateway's user
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FROM_ACME = {"fullchain.pem": "gateway.crt", "privkey.pem": "gateway.key"}


class NoCertificate(Exception):
    """TLS_FOLDER holds no usable certificate. It is refused, the pair that is there stays, and our own is not used."""


def provide(given: Path, authority: Path, tls: Path, issuer: str) -> None:
    """Copy or make the certificate and its key.

    Raises:
        NoCertificate: the folder `given` is not empty, and lacks a certificate and key that nginx can use.
    """
    if all((given / name).exists() for name in FROM_ACME):
        drafts = {ours: tls / f"{ours}.draft" for ours in FROM_ACME.values()}
        for name, ours in FROM_ACME.items():
            drafts[ours].unlink(missing_ok=True)
            drafts[ours].touch(mode=0o600)
            shutil.copyfile(given / name, drafts[ours])
        try:
            check(drafts["gateway.crt"].read_bytes(), drafts["gateway.key"].read_bytes(), datetime.now(UTC))
        except NoCertificate:
            for draft in drafts.values():
                draft.unlink()
            raise
        for ours, draft in drafts.items():
            draft.replace(tls / ours)
    elif any(given.iterdir()):
        lacking = [name for name in FROM_ACME if not (given / name).exists()]
        raise NoCertificate(f"TLS_FOLDER has no {' and no '.join(lacking)}, or only a link to a file outside of it")
    else:
        names = dict.fromkeys([urlsplit(issuer).hostname or "localhost", *LOOPBACK])
        subprocess.run([sys.executable, "-I", "/authority.py", authority, tls, *names], check=True)  # noqa: S603 - ours
        shutil.copyfile(authority / "authority.crt", tls / "authority.crt")
    (tls / "gateway.crt").chmod(0o444)
    os.chown(tls / "gateway.key", 0, GATEWAY)
    (tls / "gateway.key").chmod(0o440)


def check(chain: bytes, key: bytes, now: datetime) -> None:
    """Raises NoCertificate if nginx could not start with them, or no client would accept them now."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError as error:
        raise NoCertificate("TLS_FOLDER: fullchain.pem holds no certificate (PEM)") from error
    try:
        private_key = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it is encrypted
        raise NoCertificate("TLS_FOLDER: privkey.pem holds no private key (PEM, without a password)") from error
    leaf = certificates[0]
    if private_key.public_key() != leaf.public_key():
        raise NoCertificate("TLS_FOLDER: the key in privkey.pem does not fit the first certificate of fullchain.pem")
    for certificate in certificates:
        if certificate.not_valid_after_utc <= now:
            until = certificate.not_valid_after_utc.isoformat(timespec="seconds")
            raise NoCertificate(f"TLS_FOLDER: a certificate in fullchain.pem has expired, on {until}")
    if leaf.not_valid_before_utc > now:
        since = leaf.not_valid_before_utc.isoformat(timespec="seconds")
        raise NoCertificate(f"TLS_FOLDER: the certificate in fullchain.pem is not valid before {since}")


if __name__ == "__main__":
    given, authority, tls, issuer = sys.argv[1:]
    try:
        provide(Path(given), Path(authority), Path(tls), issuer)
    except NoCertificate as refused:
        sys.exit(str(refused))
