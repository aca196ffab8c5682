"""What a machine lacks: named and skipped on a desk, a failure in CI, where everything has to be there."""

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
