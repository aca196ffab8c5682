"""Configuration as a file: APIs, groups, clients and upstream providers as they shall be. It is compared with the
database, which is made so.

    documents.py   `read_documents`: YAML or JSON within bounds, each value with its line
    wanted.py      `Wanted`: what the files ask for; unknown members are refused with their line
    plan.py        `Planner`: the changes that lead from the database to what is wanted
    changes.py     `Change`: one of them, in words and as what to do
    clients.py     the change of one client, with its secret file
    upstreams.py   the change of one upstream provider; the command `upstreams` uses it, too
    apis.py        the change of one API, with all that it takes away; the command `resources` uses it, too
    applied.py     `apply`: plan and changes in one transaction

A file is read and checked by itself, without a database. The plan is made in the transaction that carries it out, so
it is about what is stored. What was applied before and is in no file any more is deleted only with `--prune`; what was
made by commands, or belongs to another configuration, never. Accounts are no configuration.

The command `apply` (commands/apply.py) is the only user, except for apis.py and upstreams.py. Which configuration an
object came from is a table in resources/.
"""
