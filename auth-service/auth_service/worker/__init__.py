"""Worker: periodic duties, which no request performs. With several workers, one of them performs each duty.

    worker.py         `Duty` and `perform_duties`: each duty under a lease of its own
    schedule.py       `KeySchedule.rotate_when_due`: when a signing key is rotated, or signs for the first time
    letters.py        `LetterWriter`: the words of a mail; whether its address has an account
    recovery_letters.py   what the mails about a recovery need to know; they start its delay
    mailing.py        the sender of mails, and its metrics
    expiry.py         `delete_expired`: deletes expired rows, in small batches
    duty_metrics.py   when each duty was last done, and how often it failed

commands/working.py assembles the duties: expiry, events, mail, two key rotations, status lists. A duty whose lease this
worker holds is performed once per period. If a worker is killed, its lease runs out, and another worker continues from
the database. So a duty must tolerate being interrupted anywhere, and running twice.

A rotation is due when the active key has signed for its interval and the spare has been published long enough; a
registered verifier that does not hold the spare delays it by at most an hour (keys/verifier_reports.py).

commands/working.py imports this room; /metrics of a serving process reads `Pace` of schedule.py.
"""
