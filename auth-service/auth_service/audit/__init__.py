"""The audit trail: who signed in, what was ended or changed, and by whom. It outlives the access log.

    trail.py     the table `AuditEvent`; `record` writes an event
    listing.py   `list_events` reads them for operators

An event is written in the transaction that it is about, so what was committed has its event. It holds ids, never a
secret, a token or what somebody typed. The worker deletes events after AUTH_AUDIT_MAX_AGE.

One subject cannot fill the table: above MAX_PER_HOUR events of one kind in an hour, and for refused sign-ins from the
first, only a count is raised. signing_in/, endpoints/, worker/ and commands/ import `record`.
"""
