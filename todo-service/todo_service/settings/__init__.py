"""Settings: TODO_* of the environment, checked before anything starts.

    settings.py      `Settings`, a field for each name; `load_settings` reads the environment
    environment.py   variables and files, read into raw values; unknown names are refused
    explained.py     what is wrong with a value, in our own words
    kinds.py         what a value may be: an origin, a network, a rate limit ...

`load_settings` reads every TODO_* name, and for secrets TODO_*_FILE. It refuses a name that does not exist. Each kind
checks its own value; values that must fit together are checked last. `InvalidSettings` lists all faults, one line each,
with the name of the variable and without secrets.

Only app.py, assembly.py and the commands import this room; everything else is given what it needs. A new setting is a
field here and a line in README.md.
"""
