"""A todo API that verifies access tokens offline: the first resource server behind the issuer.

Its files live in rooms, and the rooms stand on floors: a room imports only from rooms on lower floors. Each room's
`__init__` is its door: it says what lives there. tests/test_architecture.py checks the order.

A request arrives in http/, which has its token verified by verifier/ and counted by limits/; then todos/ reads or
writes rows of the token's subject and of nobody else, in store/. ARCHITECTURE.md draws all rooms.
"""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("store", "verifier"),
    ("limits",),
    ("settings", "telemetry"),
    ("http",),
    ("todos",),
    ("account_events", "migrations", "verifier_reports", "web_application"),
    ("assembly",),
    ("app",),
    ("commands",),
    ("__main__",),
)
