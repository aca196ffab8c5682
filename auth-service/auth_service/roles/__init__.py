"""Roles of accounts at APIs, and groups of accounts.

    assigned.py   the table `AccountRole`: `assign`, `unassign`, `lock`, and lists for operators
    groups.py     the tables `Group` and `GroupMember`: groups, and who is in them
    held.py       `find_held`: the roles and groups of one account, for its token
    bounds.py     how many names one holder may have, so that a token stays small

An API declares its roles in its registration (oauth/resources.py). Only a declared role can be assigned, and a role
that its API no longer declares is taken from everybody (tokens/removed_roles.py). A group has a name of its own and
belongs to no API. Roles of a service are a column of its client (clients/roles.py), because a client is cached with
its row.

Operators change them by command. Each change begins with `load_locked` of resources/, so changes exclude each other and
those of the registry. commands/ and tokens/ import this room.
"""
