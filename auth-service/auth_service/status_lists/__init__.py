"""Status lists: one bit for each token's holder, by which every resource server learns of a revocation.

    indexes.py     who has which index; `allocate` draws one, `revoke` sets the bits of holders
    lists.py       the tables `StatusList` and `StatusIndex`, and how one list follows another
    epochs.py      `begin`: what a restored backup does to all lists; `ListName`, the name of a list in its URI
    versions.py    raises a list's version in the transaction that sets a bit
    set_back.py    notices a database that is older than it was, although `restore` was not run
    published.py   `PublishedStatusLists`: the lists as this process signs and serves them

A holder (a session at the client `web`, a grant, or a client that acts for itself) draws an index before its first
token; each token names it (tokens/token_status.py). The function that ends the holder calls `revoke`, in the same
transaction. Every process looks every 200 ms for lists with a new version, packs and signs them in a thread, serves
them (endpoints/status_list_documents.py), and sends a hint to the verifiers that listen.

One list is open, the next is already published. A full or day-old list closes and stays published until the last token
with one of its indexes has expired; no index is given twice. REVOCATION.md is for operators.

sessions/, grants/ and clients/ import `revoke`, tokens/ imports `allocate`, epochs.py and published.py, endpoints/ and
serving/ import published.py, and commands/ imports lists.py and epochs.py.
"""
