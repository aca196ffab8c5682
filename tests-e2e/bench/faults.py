"""Each part in turn is killed, replaced, cut off, slowed or given a wrong clock, while people use the system.

    python tests-e2e/bench/faults.py [WORD...]            all faults, or those whose names have one of the words

The system is compose.yaml with TLS and two replicas of each service. The bench needs a container engine. Cut and slow
networks need root with nsenter, iptables and tc; wrong clocks need libfaketime (Debian's package faketime). A fault
whose tool is missing is printed as not tried.
"""

import sys
import tempfile
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.composed import built_project
from e2e_fixtures.every_fault import FAULTS, Certificates
from e2e_fixtures.faults import HEADINGS, UNLIMITED, Outcome, described, invite, measure, row
from e2e_fixtures.nodes import Nodes

VISITORS = 6


def main() -> int:
    words = sys.argv[1:]
    asked = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        certificates = Path(folder) / "certificates"
        Certificates(Path(folder) / ".run/tls", certificates).renew()
        options = {"TLS_FOLDER": str(certificates), **UNLIMITED}
        with built_project(Path(folder), "tls", "replicas", scheme="https", **options) as composed:
            started = composed.compose("up", "--wait", "--quiet-pull")
            if started.returncode:
                raise SystemExit(started.stderr[-1000:] + composed.compose("logs", "--tail=20").stdout)
            nodes, load = Nodes(composed), invite(composed, VISITORS)
            print(row(*HEADINGS), flush=True)
            for fault in asked:
                if missing := fault.needs():
                    print(row(fault.name, "", "", "", "", "", f"not tried: {missing}"), flush=True)
                    continue
                outcomes.append(measure(fault, nodes, load))
                print(described(outcomes[-1]), flush=True)
    return report(outcomes)


def report(outcomes: list[Outcome]) -> int:
    requests = sum(len(outcome.answers) for outcome in outcomes)
    errors = sum(len(outcome.errors) for outcome in outcomes)
    broken = [complaint for outcome in outcomes for complaint in outcome.complaints()]
    print(f"\n{len(outcomes)} faults, {requests:,} requests, {errors:,} errors. Broken promises: {len(broken)}")
    print(*broken, sep="\n")
    return 1 if broken or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
