"""Settings: TODO_* of the environment, checked before anything starts.

    settings.py   `Settings`, a field for each name; `load_settings` reads the environment
    kinds.py      what a value may be: an origin, a network, a rate limit ...

Loading reads every TODO_* name, and for secrets TODO_*_FILE, and refuses a name that does not exist. Each field checks
its own value; what must fit together is checked last. Faults rise as `InvalidSettings`, with the name of the variable
and never with a secret. All faults are told, a line each.

Only app.py, assembly.py and the commands import this room; everything else is given what it needs. A new setting is a
field here and a line in README.md.
"""
