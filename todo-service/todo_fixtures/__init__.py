"""What the tests drive: an issuer of their own, both databases, and the service itself behind a real port.

A package beside `tests`, because test files are imported by path and cannot import each other.
"""
