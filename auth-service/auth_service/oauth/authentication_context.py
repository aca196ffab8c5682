"""Authentication strength (`acr`) and methods (`amr`)."""

ONE_FACTOR = "aal1"  # the name in NIST SP 800-63B
ACRS = (ONE_FACTOR,)
PASSWORD = ("pwd",)  # RFC 8176 §2
