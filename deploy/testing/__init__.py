"""The pytest plugin of `./run.py test`.

run.py loads this package, and pytest loads its parts: `groups` distributes the tests over processes, `fast` chooses the
tests of `--fast`, `progress` prints a line for each finished file. Without it, plain `pytest` runs all tests in one
process.
"""

pytest_plugins = [f"deploy.testing.{part}" for part in ("telling", "groups", "fast", "progress")]
