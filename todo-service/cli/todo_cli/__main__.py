"""The program: runs a command, and turns what went wrong into a sentence and an exit code."""

import json
import sys

from .commands import app
from .failures import Failure


def main() -> None:
    try:
        app(prog_name="todo")
    except Failure as failure:
        if "--json" in sys.argv:
            text = json.dumps({"error": failure.name, "message": str(failure)}, ensure_ascii=False)
        else:
            text = f"todo: {failure}"
        print(text, file=sys.stderr)  # noqa: T201 - the error of a command
        sys.exit(failure.code)


if __name__ == "__main__":
    main()
