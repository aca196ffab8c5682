"""Sealed: what this service signs, hashes or encrypts for itself, and the secrets for that.

    versioned_secrets.py   a list of secrets, newest first; `derive_key` gives one key per purpose (HKDF)
    signed_values.py       `ValueSigner`: `value.signature`, as cookies carry it (HMAC-SHA256)
    sealing.py             `Seal`: text that a stolen database must not reveal (AES-256-GCM)
    nonces.py              `Nonces`: the time and its HMAC, which every process accepts for minutes
    opaque.py              `draw` and `hash_of`: 256 random bits, stored as SHA-256
    secret_files.py        replace a file of secrets as a whole

A session cookie: http/session_cookies.py makes one `ValueSigner` per cookie name from `AUTH_SECRET`. The signer derives
its keys from each version of the secret and the name, signs with the newest, and accepts all. So a secret can be
replaced while cookies signed by the older one stay good, and a value signed for one cookie is worthless in another.

Codes, refresh tokens and client secrets are opaque values. Signing for others (JWTs) is in keys/; passwords are in
accounts/. Any room above may import these files.
"""
