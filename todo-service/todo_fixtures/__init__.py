"""Helpers of the tests: an issuer, both databases, Redis, and the service on a real port.

They are a package beside `tests`, because test files are imported by path and cannot import each other.
"""
