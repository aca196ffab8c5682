"""Key rotations under constant load, short enough for every run. `./run.py bench rotation` makes a hundred."""

import subprocess
import sys

from e2e_fixtures.checkout import ROOT


def test_no_valid_token_is_refused_and_none_of_a_gone_key_accepted() -> None:
    """Five rotations: one in an emergency, two while a verifier is cut off. The second of these two has to wait."""
    script = ROOT / "tests-e2e/bench/rotation.py"
    ran = subprocess.run([sys.executable, "-P", str(script), "5"], capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    counted = {line[:33].strip(): line[33:].split()[0] for line in ran.stdout.splitlines()}
    assert counted["refused"] == counted["accepted"] == "0"
    assert counted["checks that waited for evidence"] != "0", "no rotation waited for a verifier's report"
