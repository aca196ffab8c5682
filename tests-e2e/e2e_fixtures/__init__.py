"""What the tests stand on: the real stack in a folder of its own, people who use it, and an issuer that the test owns.

A package beside the tests, because test files are imported by path and cannot import each other. Nothing here, and no
test, imports a service: what is tested is what answers over HTTP.
"""
