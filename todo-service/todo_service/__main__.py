"""The command line: `python -m todo_service --help`."""

import sys

# Typer brings rich, and structlog would load it for coloured tracebacks that we do not write: 5 MB of a process.
sys.modules["rich"] = None  # type: ignore[assignment]  # so that an import of it fails
import structlog  # noqa: E402, F401 - it is there from now on

del sys.modules["rich"]

from .commands import main  # noqa: E402 - which imports structlog

if __name__ == "__main__":
    main()
