"""Clients: the programs that get tokens here, and how each proves who it is.

    clients.py          the table `Client`: registration, secrets, and the end of a client and its tokens
    secret_files.py     a secret in a file that the client reads, too
    revoked_secrets.py  hashes of secrets that were replaced or revoked; provisioning refuses them
    roles.py            roles of services, a column of their client
    document_clients.py      clients whose client_id is the URL of their metadata document
    fetched_documents.py     these documents, fetched within budgets and cached by their headers
    own_registrations.py     clients that registered themselves, and their end if nobody uses them
    registration_tokens.py   initial access tokens: who may register (RFC 7591 §1.2)
    information.py      what a client is told of its registration (RFC 7591 §3.2.1)
    authentication.py   `ClientAuthenticator`: the one method that a client registered (RFC 6749 §2.3)
    assertions.py       `private_key_jwt`: an assertion is verified and then spent (RFC 7523)
    used_assertions.py  `UsedAssertions`: each assertion and DPoP proof is accepted once
    workloads.py        whose platform token proves which client; the rows that a registration leads to
    keys.py             keys that sign assertions: `parse_key_set` accepts or refuses a JWK Set
    fetched_keys.py     key sets behind a `jwks_uri`, fetched at most once per cooldown
    cache.py            `ClientCache`: clients as this process read them a moment ago
    algorithms.py       which APIs and clients use which signing algorithm, and whose reports are evidence for its keys
    origins.py          origins of clients' own pages, taken from their redirect URIs, for CORS

A request to the token endpoint arrives as a form. `read_credentials` finds the client's proof in the header or the
form, `ClientAuthenticator.authenticate` takes the client from the cache and compares a secret's hash, or hands the
assertion to `AssertionVerifier`. Every failure is the same `InvalidClient`.

Metadata as a value, and the rules for it, are in oauth/client_metadata.py. Others import `Client`, the functions of
clients.py, and the parts that assembly.py makes; keys.py and fetched_keys.py serve this room and the commands.
"""
