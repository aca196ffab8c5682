"""Raw settings from environment variables: NAME, or NAME_FILE with the path of a file that holds the value."""

from collections.abc import Collection, Mapping
from pathlib import Path


def read_environment(
    environment: Mapping[str, str],
    prefix: str,
    known: Collection[str],
    *,
    in_files: Collection[str],
    empty_counts: Collection[str] = (),
) -> tuple[dict[str, str], list[str]]:
    """The values by setting, and the problems.

    An unknown name is a problem: an operator believes that it has an effect. An empty variable counts as not set,
    because Compose passes those that are not set as empty ones.

    Args:
        known: the settings, in lower case and without the prefix.
        in_files: settings that may also come as NAME_FILE.
        empty_counts: settings whose empty value is a value.
    """
    given: dict[str, str] = {}
    problems = []
    for variable in sorted(name for name in environment if name.upper().startswith(prefix)):
        name, value = variable.removeprefix(prefix).lower(), environment[variable]
        if name.endswith("_file") and name.removesuffix("_file") in in_files:
            name = name.removesuffix("_file")
            try:
                value = _read_file(environment, variable) if value else ""
            except ValueError as error:
                problems.append(f"{variable}: {error}")
                continue
        if name not in known or not variable.isupper():
            problems.append(f"{variable}: there is no such setting")
        elif value != "" or name in empty_counts:
            given[name] = value
    return given, problems


def _read_file(environment: Mapping[str, str], variable: str) -> str:
    """The value in the file that the variable names. Raises ValueError."""
    other = variable.removesuffix("_FILE")
    if environment.get(other):
        raise ValueError(f"{other} is set as well; set only one of them")
    try:
        content = Path(environment[variable]).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot be read ({type(error).__name__})") from None
    if not content:  # otherwise the default would count, such as another database
        raise ValueError("the file is empty")
    return content
