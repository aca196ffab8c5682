"""The fixture `issuer` for pytest: an issuer in the test process (testing.py)."""

from collections.abc import Iterator

import pytest

from .testing import Issuer


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """A new issuer for each test."""
    with Issuer() as made:
        yield made
