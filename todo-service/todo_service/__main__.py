"""The command line: `python -m todo_service --help`."""

import sys

# Packages that others load if they are there: structlog loads rich for coloured tracebacks, cryptography loads bcrypt
# for keys of OpenSSH. Neither is used here, and they take 5 MB of memory.
_UNWANTED = ("rich", "bcrypt")
for name in _UNWANTED:
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails
import structlog  # noqa: E402, F401 - loaded now, while rich is absent
from cryptography.hazmat.primitives import serialization  # noqa: E402, F401 - the same for bcrypt

for name in _UNWANTED:
    del sys.modules[name]
# Others load these for what is not used here, and do without them: uvicorn to restart when files change, redis-py to
# export its own metrics (spans do not use it), FastAPI to refuse models of Pydantic 1. The last two take 3 MB.
for name in ("watchfiles", "opentelemetry.sdk.metrics", "pydantic.v1"):
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails

from .commands import main  # noqa: E402 - which imports structlog

if __name__ == "__main__":
    main()
