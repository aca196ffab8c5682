"""The command line: `python -m auth_service --help`."""

from .commands import main

if __name__ == "__main__":
    main()
