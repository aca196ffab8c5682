"""The tests' browser does not notice when another test starts or stops a container."""

import os
import subprocess
import sys

import pytest

from e2e_fixtures.browser import STEADY

ASK = """
import errno, socket
socket.create_server(("127.0.0.1", 0)).close()
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


@pytest.mark.process
def test_browser_does_not_hear_of_changed_addresses() -> None:
    """What Chromium would listen on, a netlink socket, is refused. Everything else is not."""
    done = subprocess.run(
        [STEADY, "-c", ASK], env={**os.environ, "CHROMIUM": sys.executable}, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("EAFNOSUPPORT\n", "")
