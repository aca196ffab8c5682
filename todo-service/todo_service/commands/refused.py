"""The reason why a command did nothing."""


class CommandRefused(Exception):
    """The reason, as one line for the terminal."""


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
