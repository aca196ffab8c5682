"""The official better-auth client, unmodified, works against the running system (frontends/better-auth)."""

import os
import subprocess

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed
from e2e_fixtures.stack import Stack

FRONTEND = ROOT / "tests-e2e/frontends/better-auth"
# Node 18 (Debian 12) needs the flag for WebCrypto; later versions accept the flag and ignore it.
NODE = ["node", "--experimental-global-webcrypto"]


def test_unmodified_client_works(stack: Stack) -> None:
    folder = installed(FRONTEND)
    environ = {**os.environ, "ISSUER": stack.url}
    command = [*NODE, "--test", "--test-reporter=tap", "client.test.mjs"]
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# fail 0" in ran.stdout
    assert "# pass 0" not in ran.stdout
