"""What `./run.py test` adds to pytest.

run.py loads this package as a plugin, and pytest loads its parts: `groups` shares the tests out among processes,
`fast` chooses those of `--fast`, `progress` prints a line for each file that is done. Tests run without it too, by
plain `pytest`, in one process.
"""

pytest_plugins = [f"deploy.testing.{part}" for part in ("telling", "groups", "fast", "progress")]
