"""The command line: `python -m todo_service --help`."""

import sys

# structlog loads rich, which Typer installs, for coloured tracebacks. We write none, and rich takes 5 MB of memory.
sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails
import structlog  # noqa: E402, F401 - loaded now, while rich is absent

del sys.modules["rich"]

from .commands import main  # noqa: E402 - which imports structlog

if __name__ == "__main__":
    main()
