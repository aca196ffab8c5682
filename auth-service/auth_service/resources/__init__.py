"""APIs that this issuer makes tokens for: the registry, and its copy in each process.

    resources.py   the tables `RegisteredResource` and `ResourceScope`, and the functions that read and change them
    owners.py      the table `ConfiguredObject`: which configuration file an API, a group or a client came from
    cache.py       `ResourceCache`: all APIs as this process read them a moment ago

An API and its rules are values in oauth/resources.py; which API a request is for is decided in oauth/audiences.py. A
scope is a row of its own, so that the database keeps two APIs from claiming it. Requests read the cache. What is stored
for long (a consent, a code) is checked once more by `lock_registered` in its own transaction, so that nothing is stored
for an API that has just been removed. Removing one is in tokens/removed_access.py, which also takes it out of consents,
grants and clients.
"""
