"""Put the gateway's certificate where the gateway can read it: the operator's, or one of our own authority.

    python provide_certificate.py GIVEN AUTHORITY TLS ISSUER

All except ISSUER are folders. GIVEN has the operator's certificate, or is empty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

GATEWAY = 10001  # the group of the gateway's user
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FROM_ACME = {"fullchain.pem": "gateway.crt", "privkey.pem": "gateway.key"}


class NoCertificate(Exception):
    """TLS_FOLDER holds no usable certificate: refuse to start instead of falling back to our own authority."""


def provide(given: Path, authority: Path, tls: Path, issuer: str) -> None:
    """Copy or make the certificate and its key.

    Raises:
        NoCertificate: the folder `given` is not empty and lacks the certificate or its key.
    """
    if all((given / name).exists() for name in FROM_ACME):
        for name, ours in FROM_ACME.items():
            draft = tls / f"{ours}.draft"
            draft.touch(mode=0o600)
            shutil.copyfile(given / name, draft)
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


if __name__ == "__main__":
    given, authority, tls, issuer = sys.argv[1:]
    try:
        provide(Path(given), Path(authority), Path(tls), issuer)
    except NoCertificate as refused:
        sys.exit(str(refused))
