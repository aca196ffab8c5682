"""Fixtures of the end-to-end tests: the real stack in its own folder, people who use it, and an issuer of the test.

They are a package, because pytest imports test files by path, so these cannot import each other. Neither the fixtures
nor the tests import a service: they test the running services over HTTP.
"""
