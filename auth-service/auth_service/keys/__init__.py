"""Keys: what this issuer signs with, how one key follows another, and which keys each verifier reports.

    signing.py            the table `SigningKey` and `KeyStore`: make, seal, load; the states of a key
    ring.py               `KeyRing`: the keys in this process's memory, read anew every two seconds
    rotation.py           alone moves a key's state: `rotate_keys`, `withdraw_active_key`, `retire_keys`
    encryption.py         private keys at rest, sealed under versioned key-encryption keys
    rewrap.py             seal stored keys anew with the newest of these
    past.py               public keys that are no longer published, to check an old `id_token_hint`
    verifier_reports.py   which keys and status lists each verifier holds: the evidence for a rotation
    pairs.py              key pairs of each algorithm: `generate`, `public_jwk`
    jws.py                `sign`: one JWT, by a `Signer`: a key with its one algorithm

A key is `next` (published, does not sign), `active` (signs), `retiring` (published, signs no more), then gone. The
worker asks once a minute whether a rotation is due (worker/schedule.py); `rotate_keys` checks that the spare is old
enough, opens it, makes a new spare and changes all three states in one transaction. Each process notices at its ring's
next look and publishes the new set. ROTATION.md is for operators.

Tokens and status lists have separate keys, and so has each algorithm for tokens: a store each, one ring for tokens and
one for status lists. Others take `KeyRing.current` once per use and sign with `active` (RS256) or `signer(alg)`, which
is RS256's until the first key of `alg` may sign. Only the commands and the worker import rotation.py.
"""
