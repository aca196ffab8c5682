"""https on the gateway's port, with a certificate of this installation's own authority."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.local.packages import ISOLATED, python
from deploy.local.ports import LOOPBACK
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def authority() -> Path:
    """The file of the certificate that clients have to trust."""
    return STATE / "tls" / "authority.crt"


def certify(folder: Path, issuer: str, addresses: Sequence[str]) -> None:
    """Make the gateway's certificate in its folder; keep one that is valid for long enough."""
    certified = ["localhost", LOOPBACK, "::1", *addresses, urlsplit(issuer).hostname or "localhost"]
    names = [name for name in dict.fromkeys(certified) if name not in WILDCARDS]
    command = [python(), ISOLATED, str(ROOT / "deploy/authority.py"), str(authority().parent), str(folder), *names]
    run_with_progress("Checking the gateway's certificate", command)


def trusting() -> ssl.SSLContext:
    """The TLS context of a client that trusts our authority and no other."""
    return ssl.create_default_context(cafile=authority())
