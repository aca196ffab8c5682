"""How strongly a person was authenticated (`acr`), and by what (`amr`)."""

ONE_FACTOR = "aal1"  # the name that NIST SP 800-63B has for it
ACRS = (ONE_FACTOR,)
PASSWORD = ("pwd",)  # RFC 8176 §2
