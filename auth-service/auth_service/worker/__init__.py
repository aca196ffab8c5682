"""Worker: what no request does, done by one of however many workers there are.

    worker.py         `Duty` and `perform_duties`: each duty under a lease of its own
    schedule.py       `KeySchedule.rotate_when_due`: when a signing key is rotated
    expiry.py         `delete_expired`: what is dead goes, in small batches
    duty_metrics.py   when each duty was last done, and how often it failed

commands/working.py assembles the duties: expiry, events, two key rotations, status lists. A duty whose lease this
worker holds is performed once per period. A worker that is killed loses its lease when it runs out, and another goes on
from what is stored; so a duty must bear to be cut off anywhere and to be done twice.

A rotation is due when the active key has signed for its interval and the spare has been published long enough; a
registered verifier that does not hold the spare delays it by at most an hour (keys/verifier_reports.py).

commands/working.py imports this room; /metrics of a serving process reads `Pace` of schedule.py.
"""
